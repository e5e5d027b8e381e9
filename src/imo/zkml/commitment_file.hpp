/// The commitment to a model's weights in a file: made once, mapped by every proof after it.
///
/// The file has the registered vector without the zeros behind its columns, words as they lie in
/// memory; the tree over its code, block by block; and at the end what both belong to, with a hash.
/// It is the prover's own: whoever changes it gets proofs that are refused, and nothing else.
#pragma once

#include "imo/base/result.hpp"
#include "imo/zkml/model_proof.hpp"

#include <filesystem>

namespace imo::zkml {

/// Commits to the weights of `model` and leaves the commitment at `path`, in memory for a fraction
/// of the tree. Fails like ProvingKey::make, and where the file cannot be written.
Result<void> write_commitment(const engine::Model& model, const std::filesystem::path& path,
                              ThreadPool& pool);

/// The commitment to the weights of `model` that write_commitment left. Fails with kNotFound where
/// there is no file, and says why where it is not this model's, or damaged. The values are checked,
/// and of the tree its top: a proof made with it must be checked before it is given away.
Result<ProvingKey> open_commitment(const engine::Model& model, const std::filesystem::path& path,
                                   ThreadPool& pool);

}  // namespace imo::zkml
