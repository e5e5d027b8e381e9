/// Columns: the vectors that a proof speaks of, and claims on them.
///
/// A column is an aligned slice of one of two commitments: the witness, made for one proof, or the
/// registered model. A claim says that the multilinear polynomial of a column has a value at a
/// point; in the end all claims on a commitment are opened together.
#pragma once

#include "imo/zkml/field.hpp"
#include "imo/zkml/transcript.hpp"
#include "imo/zkml/whir.hpp"

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace imo {
class ThreadPool;
}

namespace imo::zkml {

enum class Source : std::uint8_t { kWitness, kRegistered };

/// A vector of 2^variables elements within a commitment. The highest bits of its index count
/// blocks, of which the first ones are stored and the rest are zero: a model has rarely a power of
/// two of layers.
struct Column {
  std::string name;  ///< for messages
  Source source = Source::kWitness;
  unsigned variables = 0;
  unsigned block_bits = 0;   ///< how many of the bits count blocks
  std::uint32_t blocks = 1;  ///< how many are stored
  std::uint64_t offset = 0;  ///< of the first, a multiple of a block's size

  [[nodiscard]] unsigned block_variables() const { return variables - block_bits; }
  /// Elements stored.
  [[nodiscard]] std::uint64_t size() const { return std::uint64_t{blocks} << block_variables(); }
};

/// Index into a list of columns.
using ColumnId = std::uint32_t;

/// A value that one side learns from the other: the prover computes and says it, the verifier reads
/// it. Either way it is recorded, and nothing is said twice.
class ColumnClaims {
 public:
  virtual ~ColumnClaims() = default;

  /// The value of the column at the point, which has as many coordinates as the column variables
  /// (checked).
  Result<Fp3> value(ColumnId column, std::span<const Fp3> point);

  [[nodiscard]] std::span<const Column> columns() const { return columns_; }
  /// All claims on one commitment, as WHIR opens them.
  [[nodiscard]] std::vector<Claim> claims_on(Source source) const;

 protected:
  explicit ColumnClaims(std::span<const Column> columns) : columns_(columns) {}
  virtual Result<Fp3> learn(ColumnId column, std::span<const Fp3> point) = 0;

 private:
  struct Known {
    ColumnId column;
    std::vector<Fp3> point;
    Fp3 value;
  };
  std::span<const Column> columns_;
  std::vector<Known> known_;
  std::vector<std::vector<std::size_t>> by_column_;
};

/// The values of a column: its size() elements.
using ColumnValues = std::function<std::span<const Fp>(ColumnId)>;

/// The prover's side. All arguments are borrowed.
class SaidClaims final : public ColumnClaims {
 public:
  SaidClaims(std::span<const Column> columns, ColumnValues values, ProofWriter& proof,
             ThreadPool& pool)
      : ColumnClaims(columns), values_(std::move(values)), proof_(proof), pool_(pool) {}

 private:
  Result<Fp3> learn(ColumnId column, std::span<const Fp3> point) override;

  ColumnValues values_;
  ProofWriter& proof_;
  ThreadPool& pool_;
};

/// The verifier's side.
class HeardClaims final : public ColumnClaims {
 public:
  HeardClaims(std::span<const Column> columns, ProofReader& proof)
      : ColumnClaims(columns), proof_(proof) {}

 private:
  Result<Fp3> learn(ColumnId, std::span<const Fp3>) override { return proof_.read_fp3(); }

  ProofReader& proof_;
};

}  // namespace imo::zkml
