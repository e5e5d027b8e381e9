// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IModelVerifier} from "../interfaces/IModelVerifier.sol";

/// @title The part of the verifier of models that ModelVerifier begins with
/// @notice Called by ModelVerifier alone; what it says to anybody else means nothing.
interface IProofFront {
    /// @notice Checks all of a proof but its opening, and ends with what is to be opened: Openings.All, by Handover.end().
    /// @param front The beginning of the proof; the arguments are those of IModelVerifier.verify().
    function checkFront(
        IModelVerifier.VerifyingKey calldata key,
        bytes32 context,
        bytes calldata prompt,
        bytes calldata output,
        bytes calldata front
    ) external view;
}

/// @title A part that goes on where the one before it stopped
/// @notice Called by the part before it alone; what it says to anybody else means nothing.
interface IProofPart {
    /// @notice Goes on with Handover.resume(), and ends by Handover.end().
    function proceed() external view;
}
