// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Transcript} from "./Transcript.sol";
import {WhirClaims} from "./WhirClaims.sol";
import {WhirParameters} from "./WhirParameters.sol";

/// @title What EquationVerifier hands over to OpeningVerifier
library Openings {
    /// @notice A commitment, as it is to be opened.
    struct Opening {
        WhirParameters.Commitment size;
        WhirClaims.Committed committed;
    }

    /// @notice Both commitments, and the proof from where their opening begins.
    struct All {
        Transcript.Reader reader;
        Opening registered;
        Opening witness;
    }
}
