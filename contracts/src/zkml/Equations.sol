// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EquationBuilder} from "./EquationBuilder.sol";
import {Openings} from "./Openings.sol";

/// @title What ModelVerifier hands over to EquationVerifier
library Equations {
    /// @notice Claims of the openings are still to come.
    struct Work {
        EquationBuilder.Context context;
        Openings.Opening witness;
        Openings.Opening registered;
    }
}
