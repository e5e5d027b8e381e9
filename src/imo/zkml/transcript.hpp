/// The proof as a conversation: what the prover says is absorbed, what it hears is hashed from
/// that.
///
/// The wire format is normative in docs/proof.md. In short: a 32-byte state starts from a protocol
/// name and the statement; bytes said since the last challenge form a block; a challenge first sets
/// state = keccak256(state ‖ block) and empties the block. So each challenge depends on the
/// statement and on every byte said before it.
///
/// The reader is the only way to the bytes of a proof. To read is to absorb: there is no value that
/// a verifier can use and forget to bind.
#pragma once

#include "imo/base/bytes.hpp"
#include "imo/base/result.hpp"
#include "imo/zkml/field.hpp"

#include <cstdint>
#include <string_view>
#include <vector>

namespace imo {
class ThreadPool;
}

namespace imo::zkml {

/// The root of a commitment, and a node of its tree: Keccak-256 cut to 26 bytes, 104 bits against
/// collisions.
using Digest = FixedBytes<26>;

/// The state that prover and verifier share; the challenges are the same on both sides.
class Transcript {
 public:
  /// `protocol` names protocol and version, `statement` is all that both sides know beforehand:
  /// what is proven, about which model, request, chain, and the parameters.
  Transcript(std::string_view protocol, BytesView statement);

  /// A uniform element (within 2^-20 of it, relatively) that depends on all absorbed before.
  Fp3 challenge();
  /// `count` numbers below 2^bits, 1 <= bits <= 32, in order and possibly repeated.
  std::vector<std::uint32_t> challenge_indices(std::size_t count, unsigned bits);

 protected:
  void absorb(BytesView bytes);
  /// Closes the block and gives the new state.
  const Hash32& squeeze();

 private:
  Hash32 state_;
  Bytes block_;
};

/// True when the first `bits` bits of `digest` are zero; bits is at most 64.
bool has_leading_zeros(const Hash32& digest, unsigned bits);

/// The most grinding that a protocol may ask for.
inline constexpr unsigned kMaxGrinding = 24;

/// The prover's side.
class ProofWriter : public Transcript {
 public:
  using Transcript::Transcript;

  void write(Fp a);
  void write(const Fp3& a);
  void write(const Digest& digest);

  /// Finds and writes the least 8-byte nonce that makes the next state start with `bits` zero bits;
  /// writes nothing for 0. `bits` is at most kMaxGrinding (checked).
  void grind(unsigned bits, ThreadPool& pool);

  /// The proof so far.
  [[nodiscard]] BytesView proof() const { return proof_; }
  [[nodiscard]] Bytes take() && { return std::move(proof_); }

 private:
  void say(BytesView bytes);

  Bytes proof_;
};

/// The verifier's side, over the bytes of a stranger. Errors are of kind kVerification and name the
/// offset.
class ProofReader : public Transcript {
 public:
  /// `proof` is borrowed.
  ProofReader(std::string_view protocol, BytesView statement, BytesView proof)
      : Transcript(protocol, statement), proof_(proof) {}

  Result<Fp> read_fp();
  Result<Fp3> read_fp3();
  Result<Digest> read_digest();
  /// Reads what ProofWriter::grind(bits) wrote, and checks it.
  Result<void> check_grinding(unsigned bits);

  [[nodiscard]] std::size_t offset() const { return offset_; }
  /// The error of a verifier that has read this far and refuses: it names the offset.
  [[nodiscard]] tl::unexpected<Error> refused(std::string_view what) const;
  /// Fails when bytes are left. Every verifier ends with it.
  [[nodiscard]] Result<void> finish() const;

 private:
  /// The next `size` bytes, absorbed.
  Result<BytesView> hear(std::size_t size);

  BytesView proof_;
  std::size_t offset_ = 0;
};

}  // namespace imo::zkml
