/// How functions of imo fail: with a value that says what was wrong, where, and what to do.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <tl/expected.hpp>

namespace imo {

/// The family of a failure; the command line maps each to an exit code.
enum class ErrorKind {
  kInvalidInput,  ///< the caller's bytes, text or arguments are wrong
  kNotFound,      ///< the thing named does not exist
  kIo,            ///< a file or device failed
  kNetwork,       ///< a peer could not be reached or answered nonsense
  kTimeout,       ///< a peer did not answer in time
  kRejected,      ///< a contract reverted, or a peer refused
  kVerification,  ///< a check of an answer, receipt or proof came out false
};

/// One clear message: place, fault, remedy. No trailing full stop, no newline.
struct Error {
  ErrorKind kind = ErrorKind::kInvalidInput;
  std::string message;

  /// The same error seen from further out: `place: message`.
  [[nodiscard]] Error within(std::string_view place) const {
    return {kind, std::string(place) + ": " + message};
  }
};

template <typename T>
using Result = tl::expected<T, Error>;

/// Makes the failing side of a Result: `return fail(ErrorKind::kIo, "...")`.
inline tl::unexpected<Error> fail(ErrorKind kind, std::string message) {
  return tl::unexpected<Error>(Error{kind, std::move(message)});
}

/// The commonest failure: the input is wrong.
inline tl::unexpected<Error> invalid(std::string message) {
  return fail(ErrorKind::kInvalidInput, std::move(message));
}

}  // namespace imo

#define IMO_CONCAT_INNER(a, b) a##b
#define IMO_CONCAT(a, b) IMO_CONCAT_INNER(a, b)

/// `IMO_TRY(auto x, f());` binds the value of a Result, or returns its error from this function.
#define IMO_TRY(declaration, ...) \
  IMO_TRY_INNER(IMO_CONCAT(imo_try_, __LINE__), declaration, __VA_ARGS__)
#define IMO_TRY_INNER(temporary, declaration, ...)                       \
  auto temporary = (__VA_ARGS__);                                        \
  if (!temporary) return ::tl::unexpected(std::move(temporary).error()); \
  declaration = std::move(temporary).value()

/// `IMO_TRY_VOID(f());` goes on when the Result<void> holds, or returns its error.
#define IMO_TRY_VOID(...)                                       \
  do {                                                          \
    if (auto imo_try_void = (__VA_ARGS__); !imo_try_void)       \
      return ::tl::unexpected(std::move(imo_try_void).error()); \
  } while (false)
