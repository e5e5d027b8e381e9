// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IModelVerifier} from "../interfaces/IModelVerifier.sol";
import {Circuit} from "./Circuit.sol";
import {Handover} from "./Handover.sol";
import {IProofFront} from "./IProofPart.sol";
import {Openings} from "./Openings.sol";
import {ProofErrors} from "./ProofErrors.sol";
import {Transcript} from "./Transcript.sol";
import {Whir} from "./Whir.sol";
import {WhirClaims} from "./WhirClaims.sol";
import {WhirParameters} from "./WhirParameters.sol";

/// @title Verifies that a model, asked with a prompt, writes an answer
/// @notice The twin of check_answer in src/imo/zkml/model_proof.cpp; docs/proof.md is normative. It has no state and no owner:
/// it says whether a proof holds for what it is given. All but the opening of both commitments is checked by contracts of their own.
contract ModelVerifier is IModelVerifier, ProofErrors {
    using Transcript for Transcript.Reader;

    uint256 private constant GRINDING = 20;
    uint256 private constant SECURITY = 100;
    /// @dev Bytes of a proof before its opening, at most: a sum of fractions over 2^30 leaves, all claims, and a sum of products.
    uint256 private constant FRONT = 40_000;

    IProofFront public immutable FRONT_VERIFIER;

    constructor(IProofFront front) {
        FRONT_VERIFIER = front;
    }

    /// @inheritdoc IModelVerifier
    function verify(
        VerifyingKey calldata key,
        bytes32 context,
        bytes calldata prompt,
        bytes calldata output,
        bytes calldata proof
    ) external view {
        bytes calldata front = proof.length > FRONT ? proof[:FRONT] : proof;
        uint256 root = Handover.take(
            address(FRONT_VERIFIER),
            abi.encodeCall(IProofFront.checkFront, (key, context, prompt, output, front))
        );
        _open(root, proof);
    }

    /// @param root Where in memory what is to be opened is.
    function _open(uint256 root, bytes calldata proof) private pure {
        Openings.All memory openings;
        assembly ("memory-safe") {
            openings := root
        }
        openings.reader.moveTo(proof);
        WhirParameters.Parameters memory parameters;
        WhirClaims.Committed[] memory committed = new WhirClaims.Committed[](2);
        parameters.commitments = new WhirParameters.Commitment[](2);
        (parameters.commitments[0], committed[0]) =
        (openings.registered.size, openings.registered.committed);
        (parameters.commitments[1], committed[1]) =
        (openings.witness.size, openings.witness.committed);
        uint256 larger = openings.registered.size.variables;
        if (openings.witness.size.variables > larger) larger = openings.witness.size.variables;
        parameters.rate = Circuit.foldedRate(larger);
        (parameters.grinding, parameters.security) = (GRINDING, SECURITY);
        Whir.check(openings.reader, parameters, committed);
        openings.reader.finish();
    }
}
