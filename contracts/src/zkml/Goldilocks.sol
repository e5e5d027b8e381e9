// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ProofErrors} from "./ProofErrors.sol";

/// @title The field of 2^64 - 2^32 + 1 elements
/// @notice An element is a number below MODULUS. docs/proof.md, "Field", is normative.
library Goldilocks {
    uint256 internal constant MODULUS = 0xffffffff00000001;

    /// @notice The root of unity of order 2^32, 7^(2^32 - 1).
    uint256 internal constant ROOT = 1753635133440165772;

    function pow(uint256 a, uint256 exponent) internal pure returns (uint256 power) {
        power = 1;
        for (; exponent != 0; exponent >>= 1) {
            if (exponent & 1 == 1) power = mulmod(power, a, MODULUS);
            a = mulmod(a, a, MODULUS);
        }
    }

    /// @notice 1 / a.
    function inverse(uint256 a) internal pure returns (uint256) {
        if (a % MODULUS == 0) revert ProofErrors.InverseOfZero();
        return pow(a, MODULUS - 2);
    }
}
