#include "imo/cli/ask.hpp"
#include "imo/cli/command_line.hpp"
#include "imo/cli/content.hpp"
#include "imo/cli/operator.hpp"
#include "imo/cli/prove.hpp"
#include "imo/cli/receipt.hpp"
#include "imo/eth/address.hpp"
#include "imo/eth/units.hpp"

#include <memory>

namespace imo::cli {

namespace {

constexpr const char* kOfferingHelp =
    "whose model: address of its token or sale, or model id; needless while there is only one";

/// `request 3`, `0x1f…`: numbers of requests and tokens.
CLI::Option* add_number(CLI::App* command, const std::string& name, U256& value,
                        const std::string& help) {
  return add_parsed(command, name, value, U256::parse, help)->required();
}

/// Wei that must fit 64 bits, as prices of operators do.
Result<std::uint64_t> parse_small_amount(const std::string& text) {
  IMO_TRY(const U256 wei, eth::parse_amount(text));
  const auto small = wei.to_u64();
  if (!small) return invalid("'" + text + "' is more than a price can be (18.4 ETH)");
  return *small;
}

void add_ask(CommandLine& line) {
  CLI::App* command = line.app.add_subcommand("ask", "ask the model on the chain, and pay");
  auto options = std::make_shared<AskOptions>();
  auto seconds = std::make_shared<std::uint64_t>(60);
  command->add_option("prompt", options->prompt, "the question")->required();
  command->add_option("--offering", options->offering, kOfferingHelp);
  command->add_option("--model", options->model,
                      "the model file: the prompt becomes tokens here, at the price of just those");
  command->add_option("--max-tokens", options->max_tokens, "longest answer")->capture_default_str();
  add_parsed(command, "--operator", options->operator_address, eth::parse_address,
             "who must answer; anybody when left out");
  add_parsed(command, "--fee", options->fee, eth::parse_amount,
             "what to pay; as quoted if left out");
  command->add_option("--wait", *seconds, "seconds to wait for the answer")->capture_default_str();
  line.on(command, [options, seconds](const GlobalOptions& global) -> Result<Report> {
    options->wait = std::chrono::seconds(*seconds);
    IMO_TRY(Session session, Session::open(global));
    return ask(session, *options);
  });
}

void add_requests(CommandLine& line) {
  auto number = std::make_shared<U256>();
  CLI::App* status = line.app.add_subcommand("request", "how a question on the chain stands");
  add_number(status, "number", *number, "of the request");
  auto finish = std::make_shared<bool>(false);
  status->add_flag("--finalise", *finish, "make it final, its window being over");
  line.on(status, [number, finish](const GlobalOptions& global) -> Result<Report> {
    IMO_TRY(Session session, Session::open(global));
    return *finish ? finalise(session, *number) : request_status(session, *number);
  });

  CLI::App* verifying = line.app.add_subcommand(
      "verify", "check an answer or its proof; exit code 7 when it is not the model's");
  auto model = std::make_shared<std::filesystem::path>();
  auto receipt = std::make_shared<std::filesystem::path>();
  auto proof = std::make_shared<std::filesystem::path>();
  auto* which = verifying->add_option_group("answer", "which answer")->require_option(1);
  add_parsed(which, "number", *number, U256::parse, "of the request on the chain");
  which->add_option("--receipt", *receipt, "file with the JSON that the HTTP door replied");
  which->add_option("--proof", *proof, "file that `imo prove` wrote; needs no chain");
  auto on_chain = std::make_shared<bool>(false);
  verifying->add_flag("--on-chain", *on_chain, "let the chain's contract check the proof");
  verifying->add_option("--model", *model,
                        "the model file, .imo or GGUF; a proof can be checked without");
  line.on(verifying,
          [number, receipt, proof, model, on_chain](const GlobalOptions& global) -> Result<Report> {
            if (!proof->empty() && !*on_chain) return verify_proof(*proof, *model);
            if (*on_chain) {
              if (proof->empty()) return invalid("--on-chain goes with --proof");
              IMO_TRY(Session session, Session::open(global));
              return verify_proof_on_chain(session, *proof);
            }
            if (model->empty()) return invalid("--model is missing: the model file, .imo or GGUF");
            IMO_TRY(Session session, Session::open(global));
            if (!receipt->empty()) return verify_receipt_file(session, *receipt, *model);
            return verify_request(session, *number, *model);
          });
}

void add_content(CommandLine& line) {
  CLI::App* content = line.app.add_subcommand("content", "answers as ERC-7007 tokens");
  content->require_subcommand(1);
  auto number = std::make_shared<U256>();
  auto to = std::make_shared<Address>();
  CLI::App* minting = content->add_subcommand("mint", "mint the answer to a request you asked");
  add_number(minting, "request", *number, "its number");
  add_parsed(minting, "--to", *to, eth::parse_address, "who receives it; you when left out");
  line.on(minting, [number, to](const GlobalOptions& global) -> Result<Report> {
    IMO_TRY(Session session, Session::open(global));
    return content_mint(session, *number, *to);
  });
  CLI::App* showing = content->add_subcommand("show", "owner, text and whether it is verified");
  add_number(showing, "token", *number, "its id");
  line.on(showing, [number](const GlobalOptions& global) -> Result<Report> {
    IMO_TRY(Session session, Session::open(global));
    return content_show(session, *number);
  });
}

void add_operator(CommandLine& line) {
  CLI::App* operators = line.app.add_subcommand("operator", "stand for answers, and price them");
  operators->require_subcommand(1);
  auto join = std::make_shared<OperatorJoinOptions>();
  CLI::App* joining = operators->add_subcommand("join", "register with a deposit, or add to it");
  add_parsed(joining, "--deposit", join->deposit, eth::parse_amount, "backs every answer")
      ->required();
  joining->add_option("--endpoint", join->endpoint, "URL of your node's HTTP door");
  line.on(joining, [join](const GlobalOptions& global) -> Result<Report> {
    IMO_TRY(Session session, Session::open(global));
    return operator_join(session, *join);
  });

  auto price = std::make_shared<OperatorPriceOptions>();
  CLI::App* pricing = operators->add_subcommand("price", "post what an answer of a model costs");
  pricing->add_option("--offering", price->offering, kOfferingHelp);
  add_parsed(pricing, "--flat", price->flat, parse_small_amount, "for each answer")->required();
  add_parsed(pricing, "--per-prompt-token", price->per_prompt_token, parse_small_amount,
             "for each token of the question");
  add_parsed(pricing, "--per-output-token", price->per_output_token, parse_small_amount,
             "for each token the asker allows");
  add_parsed(pricing, "--per-callback-gas", price->per_callback_gas, parse_small_amount,
             "for each unit of gas of a callback");
  line.on(pricing, [price](const GlobalOptions& global) -> Result<Report> {
    IMO_TRY(Session session, Session::open(global));
    return operator_price(session, *price);
  });
}

}  // namespace

void add_use_commands(CommandLine& line) {
  add_ask(line);
  add_requests(line);
  add_content(line);
  add_operator(line);
}

}  // namespace imo::cli
