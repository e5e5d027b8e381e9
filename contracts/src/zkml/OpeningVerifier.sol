// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Handover} from "./Handover.sol";
import {IProofPart} from "./IProofPart.sol";
import {Openings} from "./Openings.sol";
import {ProofErrors} from "./ProofErrors.sol";
import {Transcript} from "./Transcript.sol";
import {Whir} from "./Whir.sol";
import {WhirParameters} from "./WhirParameters.sol";

/// @title The last part of ModelVerifier: openings of both commitments
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
        _check(openings.reader, openings.witness);
        _check(openings.reader, openings.registered);
        openings.reader.finish();
        return true;
    }

    function _check(Transcript.Reader memory reader, Openings.Opening memory opening) private pure {
        WhirParameters.Parameters memory parameters =
            WhirParameters.Parameters(opening.variables, opening.rate, GRINDING, SECURITY);
        Whir.check(reader, parameters, opening.root, opening.binding, opening.claims);
    }
}
