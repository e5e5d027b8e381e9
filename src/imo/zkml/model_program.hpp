/// The program that a shape stands for: what each of its operators and tensors must be.
///
/// The contract RegistrationVerifier computes the same, so that whoever registers a shape that is
/// not the model's can be shown wrong by one operator. See docs/proof.md, "Registration".
#pragma once

#include "imo/zkml/model_shape.hpp"

namespace imo::zkml {

/// Of a tensor.
struct TensorSize {
  std::uint32_t rows = 0;
  std::uint32_t columns = 0;

  friend bool operator==(const TensorSize&, const TensorSize&) = default;
};

/// Tables of a program, by index.
namespace program_tables {
inline constexpr std::uint32_t kExp = 0;
inline constexpr std::uint32_t kRope = 1;
inline constexpr std::uint32_t kGate = 2;
inline constexpr std::uint32_t kCount = 3;
}  // namespace program_tables

std::uint32_t operator_count(const ModelShape& shape);
std::uint32_t tensor_count(const ModelShape& shape);

/// The tensor of a matrix of a layer. Tensor 0 is the embedding's, the last one that of the logits.
std::uint32_t tensor_of(std::uint32_t layer, Matrix matrix);

/// Operator `index`, which is below operator_count (checked). Its fraction and layer are left out,
/// and the shift of operator 0: a shape does not tell them, and no circuit depends on them.
model::Operator expected_operator(const ModelShape& shape, std::uint32_t index);

/// Whether operator `index` of a program, as its root commits to it, is the shape's.
bool is_expected(const ModelShape& shape, std::uint32_t index, const model::Operator& op);

/// Tensor `index`, which is below tensor_count (checked).
TensorSize expected_tensor(const ModelShape& shape, std::uint32_t index);

/// Whether rows of tensor `index` may have biases other than zero.
bool may_have_bias(const ModelShape& shape, std::uint32_t index);

}  // namespace imo::zkml
