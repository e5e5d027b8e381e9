// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Circuit} from "./Circuit.sol";
import {Handover} from "./Handover.sol";
import {IProofPart} from "./IProofPart.sol";
import {Openings} from "./Openings.sol";
import {ProofErrors} from "./ProofErrors.sol";
import {Transcript} from "./Transcript.sol";
import {Whir} from "./Whir.sol";
import {WhirClaims} from "./WhirClaims.sol";
import {WhirParameters} from "./WhirParameters.sol";

/// @title The last part of ModelVerifier: the opening of both commitments
contract OpeningVerifier is IProofPart, ProofErrors {
    using Transcript for Transcript.Reader;

    uint256 private constant GRINDING = 20;
    uint256 private constant SECURITY = 100;

    /// @inheritdoc IProofPart
    function proceed() external pure returns (bool isProven) {
        uint256 root = Handover.resume();
        Openings.All memory openings;
        assembly ("memory-safe") {
            openings := root
        }
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
        return true;
    }
}
