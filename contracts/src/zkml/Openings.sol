// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Transcript} from "./Transcript.sol";
import {WhirBinding} from "./WhirBinding.sol";
import {WhirClaims} from "./WhirClaims.sol";

/// @title What EquationVerifier hands over to OpeningVerifier
library Openings {
    /// @notice A commitment with the claims on it.
    /// @param root In the first 26 bytes.
    struct Opening {
        uint256 variables;
        uint256 rate;
        bytes32 root;
        WhirBinding.OutOfDomain binding;
        WhirClaims.Claim[] claims;
    }

    /// @notice Both commitments, and the proof from where their openings begin.
    struct All {
        Transcript.Reader reader;
        Opening witness;
        Opening registered;
    }
}
