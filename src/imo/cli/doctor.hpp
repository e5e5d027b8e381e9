/// `imo doctor`: looks at everything a user's set-up consists of and says what is wrong and how to
/// mend it.
#pragma once

#include "imo/cli/report.hpp"
#include "imo/cli/session.hpp"

namespace imo::cli {

/// Never fails: what is wrong is in the report, and then its exit code is kFailure.
Report doctor(const GlobalOptions& options);

}  // namespace imo::cli
