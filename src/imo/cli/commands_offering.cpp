#include "imo/cli/arguments.hpp"
#include "imo/cli/command_line.hpp"
#include "imo/cli/offering.hpp"
#include "imo/cli/revenue.hpp"
#include "imo/eth/address.hpp"
#include "imo/eth/units.hpp"

#include <memory>

namespace imo::cli {

namespace {

constexpr const char* kOfferingHelp =
    "which offering: address of its token or sale, or model id; needless while there is only one";

/// The account's own address, or the one that was named.
Result<Address> named_or_own(Session& session, const Address& named) {
  if (!named.is_zero()) return named;
  IMO_TRY(const eth::Wallet* wallet, session.wallet());
  return wallet->address();
}

void add_create_terms(CLI::App* create, OfferingCreateOptions& terms) {
  create->add_option("--name", terms.name, "of the token")->required();
  create->add_option("--symbol", terms.symbol, "of the token")->required();
  add_parsed(create, "--supply", terms.total_supply, parse_tokens, "tokens in all")->required();
  add_parsed(create, "--for-sale", terms.for_sale, parse_tokens, "tokens for sale; the rest vests")
      ->required();
  add_parsed(create, "--floor", terms.floor_price, eth::parse_amount, "lowest price of a token")
      ->required();
  add_parsed(create, "--step", terms.price_step, eth::parse_amount, "distance of two prices")
      ->required();
  create->add_option("--prices", terms.ticks, "how many prices")->capture_default_str();
  add_parsed(create, "--min-raise", terms.min_raise, eth::parse_amount,
             "below this everybody gets everything back")
      ->required();
  add_parsed(create, "--min-bid", terms.min_bid, eth::parse_amount, "smallest bid")->required();
  add_parsed(create, "--buyer-cap", terms.buyer_cap, eth::parse_amount,
             "most that one buyer may bid");
  add_parsed(create, "--starts-in", terms.starts_in, parse_duration, "until bidding begins");
  add_parsed(create, "--duration", terms.duration, parse_duration, "of bidding [1d]");
  add_parsed(create, "--cliff", terms.vesting_cliff, parse_duration,
             "of the author's vesting [90d]");
  add_parsed(create, "--vesting", terms.vesting_duration, parse_duration,
             "of the author's tokens [2y]");
  add_parsed(create, "--upfront", terms.upfront_bps, parse_share,
             "of the proceeds at once, at most 25% [25%]");
  add_parsed(create, "--release", terms.treasury_duration, parse_duration,
             "over which the other proceeds are released [1y]");
  add_parsed(create, "--epoch", terms.epoch_length, parse_duration, "between snapshots [1d]");
  add_parsed(create, "--claimable", terms.claimable_bps, parse_share,
             "of revenue that holders claim; burners redeem the rest [80%]");
  add_parsed(create, "--operator-share", terms.operator_bps, parse_share,
             "of every fee for who answers [10%]");
  create
      ->add_option_function<std::vector<std::string>>(
          "--revenue-token",
          [&terms](const std::vector<std::string>& texts) {
            for (const std::string& text : texts) {
              auto token = eth::parse_address(text);
              if (!token) throw CLI::ValidationError("--revenue-token", token.error().message);
              terms.revenue_tokens.push_back(*token);
            }
          },
          "an ERC-20 accepted as revenue; up to eight times")
      ->expected(1, 8);
}

void add_offering(CommandLine& line) {
  CLI::App* offering = line.app.add_subcommand("offering", "create an offering, look at one");
  offering->require_subcommand(1);
  CLI::App* create =
      offering->add_subcommand("create", "register the model and open the sale of its token");
  auto terms = std::make_shared<OfferingCreateOptions>();
  create->add_option("--model", terms->model, "the model: .imo or GGUF")->required();
  create->add_option("--card", terms->card, "the model card, whose hash goes on the chain");
  create->add_option("--card-uri", terms->card_uri, "where the card is found");
  create->add_option("--licence", terms->licence, "SPDX; as the model file says when left out");
  add_create_terms(create, *terms);
  line.on(create, [terms](const GlobalOptions& global) -> Result<Report> {
    IMO_TRY(Session session, Session::open(global));
    return offering_create(session, *terms);
  });

  CLI::App* status = offering->add_subcommand("status", "how an offering stands");
  auto reference = std::make_shared<std::string>();
  status->add_option("offering", *reference, kOfferingHelp);
  line.on(status, [reference](const GlobalOptions& global) -> Result<Report> {
    IMO_TRY(Session session, Session::open(global));
    return offering_status(session, *reference);
  });
}

void add_bid(CommandLine& line) {
  CLI::App* command = line.app.add_subcommand("bid", "bid for tokens, or take a bid back");
  auto options = std::make_shared<BidOptions>();
  auto cancel = std::make_shared<bool>(false);
  command->add_option("--offering", options->offering, kOfferingHelp);
  add_parsed(command, "--price", options->price, eth::parse_amount,
             "the most you pay for a token, '0.00002 ETH'")
      ->required();
  auto* amount =
      add_parsed(command, "--amount", options->amount, eth::parse_amount, "how much you bid");
  auto* back = command->add_flag("--cancel", *cancel, "take back what you bid at this price");
  amount->excludes(back);
  line.on(command, [options, cancel](const GlobalOptions& global) -> Result<Report> {
    if (!*cancel && options->amount.is_zero()) return invalid("how much? give --amount '… ETH'");
    IMO_TRY(Session session, Session::open(global));
    return *cancel ? cancel_bid(session, *options) : bid(session, *options);
  });
}

void add_settle_and_claim(CommandLine& line) {
  CLI::App* settling = line.app.add_subcommand("settle", "end a sale whose time is over");
  auto reference = std::make_shared<std::string>();
  settling->add_option("offering", *reference, kOfferingHelp);
  line.on(settling, [reference](const GlobalOptions& global) -> Result<Report> {
    IMO_TRY(Session session, Session::open(global));
    return settle(session, *reference);
  });

  CLI::App* claiming =
      line.app.add_subcommand("claim", "fetch tokens and refund of a settled sale");
  auto owner = std::make_shared<Address>();
  claiming->add_option("offering", *reference, kOfferingHelp);
  add_parsed(claiming, "--for", *owner, eth::parse_address, "another owner, who receives it");
  line.on(claiming, [reference, owner](const GlobalOptions& global) -> Result<Report> {
    IMO_TRY(Session session, Session::open(global));
    IMO_TRY(const Address whose, named_or_own(session, *owner));
    return claim(session, *reference, whose);
  });
}

void add_revenue(CommandLine& line) {
  CLI::App* revenue = line.app.add_subcommand("revenue", "what a model earns, and your share");
  revenue->require_subcommand(1);
  auto reference = std::make_shared<std::string>();
  auto holder = std::make_shared<Address>();
  const auto add = [&](const char* name, const char* help) {
    CLI::App* command = revenue->add_subcommand(name, help);
    command->add_option("--offering", *reference, kOfferingHelp);
    return command;
  };

  CLI::App* status = add("status", "what came in and what can be claimed");
  add_parsed(status, "--holder", *holder, eth::parse_address, "also show this holder's share");
  line.on(status, [reference, holder](const GlobalOptions& global) -> Result<Report> {
    IMO_TRY(Session session, Session::open(global));
    return revenue_status(session, *reference, *holder);
  });

  line.on(add("snapshot", "book revenue for the holders at the end of the last epoch"),
          [reference](const GlobalOptions& global) -> Result<Report> {
            IMO_TRY(Session session, Session::open(global));
            return revenue_snapshot(session, *reference);
          });

  CLI::App* claiming = add("claim", "fetch everything not yet claimed");
  add_parsed(claiming, "--for", *holder, eth::parse_address, "another holder, who receives it");
  line.on(claiming, [reference, holder](const GlobalOptions& global) -> Result<Report> {
    IMO_TRY(Session session, Session::open(global));
    IMO_TRY(const Address whose, named_or_own(session, *holder));
    return revenue_claim(session, *reference, whose);
  });

  auto burn = std::make_shared<BurnOptions>();
  CLI::App* burning = revenue->add_subcommand("burn", "burn tokens for their share of the pool");
  burning->add_option("--offering", burn->offering, kOfferingHelp);
  add_parsed(burning, "--amount", burn->amount, parse_tokens, "tokens to burn")->required();
  add_parsed(burning, "--minimum", burn->minimum, eth::parse_amount,
             "refuse to burn for less ETH than this")
      ->required();
  line.on(burning, [burn](const GlobalOptions& global) -> Result<Report> {
    IMO_TRY(Session session, Session::open(global));
    return revenue_burn(session, *burn);
  });
}

}  // namespace

void add_offering_commands(CommandLine& line) {
  add_offering(line);
  add_bid(line);
  add_settle_and_claim(line);
  add_revenue(line);
}

}  // namespace imo::cli
