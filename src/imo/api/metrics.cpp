#include "imo/api/metrics.hpp"

#include "imo/node/answer_service.hpp"
#include "imo/node/cashier.hpp"
#include "imo/node/proof_store.hpp"
#include "imo/node/receipt.hpp"

#include <map>
#include <string>
#include <string_view>

#include <fmt/format.h>

namespace imo::api {
namespace {

class Text {
 public:
  template <typename Number>
  void add(std::string_view name, std::string_view type, std::string_view help, Number value) {
    text_ += fmt::format("# HELP {0} {1}\n# TYPE {0} {2}\n{0} {3}\n", name, help, type, value);
  }
  void add_states(std::string_view name, std::string_view help,
                  const std::map<std::string, std::uint64_t>& counts) {
    text_ += fmt::format("# HELP {0} {1}\n# TYPE {0} gauge\n", name, help);
    for (const auto& [state, count] : counts) {
      text_ += fmt::format("{}{{state=\"{}\"}} {}\n", name, state, count);
    }
  }
  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

}  // namespace

HttpResponse show_metrics(node::Node& node) {
  const auto status = node.status();
  auto& answers = node.answers();
  Text text;
  text.add("imo_ready", "gauge", "1 when the node serves and follows its chain.",
           status.ready && status.problem.empty() && !status.draining ? 1 : 0);
  text.add("imo_head_block", "gauge", "Newest block of the chain.", status.head_block);
  text.add("imo_followed_block", "gauge", "Every log up to this block is stored.",
           status.followed_block);
  text.add("imo_balance_wei", "gauge", "The operator's money for gas.",
           status.balance_wei.to_dec());
  text.add("imo_answers_waiting", "gauge", "Answers in the queue.", answers.waiting());
  text.add("imo_answers_running", "gauge", "Answers being computed.", answers.running());
  text.add("imo_answers_total", "counter", "Answers computed since the start.",
           answers.answers_given());
  text.add("imo_answer_tokens_total", "counter", "Tokens in those answers.",
           answers.tokens_given());
  if (const auto receipts = node.receipts().count()) {
    text.add("imo_receipts", "gauge", "Receipts signed and stored.", *receipts);
  }
  if (const auto proofs = node.proof_store().counts()) {
    text.add_states("imo_proofs", "Proofs that were asked for and are kept, by state.", *proofs);
  }
  if (const auto payments = node.cashier().counts()) {
    text.add_states("imo_payments", "Payments for answers, by state.", *payments);
  }
  text.add_states("imo_requests", "Requests of the oracle, by state.", status.requests);
  return {200, "text/plain; version=0.0.4; charset=utf-8", text.take(), {}};
}

}  // namespace imo::api
