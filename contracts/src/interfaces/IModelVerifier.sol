// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Says whether a proof shows that a model writes an answer
interface IModelVerifier {
    /// @notice What a verifier knows of a model.
    /// @param modelRoot Of the integer program.
    /// @param weightsRoot Of the commitment to its weights.
    /// @param bindingValue What those weights are at the point that Registration derives: an element of F.
    /// @param shape As ModelShape has it.
    struct VerifyingKey {
        bytes32 modelRoot;
        bytes26 weightsRoot;
        bytes24 bindingValue;
        bytes shape;
    }

    /// @notice Reverts, with an error of ProofErrors, unless the proof shows that the model writes `output` behind `prompt`.
    /// @dev That the key belongs to the model is another question, which IProofRegistry answers.
    /// @param context Names the request, so that a proof serves no other; zero for none.
    /// @param prompt Tokens of 4 bytes, big-endian; `output` likewise.
    function verify(
        VerifyingKey calldata key,
        bytes32 context,
        bytes calldata prompt,
        bytes calldata output,
        bytes calldata proof
    ) external view;
}
