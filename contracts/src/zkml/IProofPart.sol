// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title A part of the verifier of models that another part hands over to
/// @notice Called by the part before it alone; what it says to anybody else means nothing.
interface IProofPart {
    /// @notice Goes on with Handover.resume().
    /// @return isProven Always true; a proof that does not hold reverts with an error of ProofErrors.
    function proceed() external view returns (bool isProven);
}
