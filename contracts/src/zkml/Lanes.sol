// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Fp3, MASK, P} from "./Fp3.sol";

/// @dev The modulus of F_p on the upper lane: P << 160. Assembly takes literals only.
uint256 constant LANES = 0xffffffff000000010000000000000000000000000000000000000000;

/// @title Long sums of products, two parts at a time
/// @notice A word has two lanes, a number below 2^66 in each, the upper one 160 bits above the lower one. Multiplied by
/// a < p, modulo LANES, it becomes both products: the lower one whole, below 2^130, and the upper one reduced. 2^30 such
/// words can be added before a lane is full.
library Lanes {
    /// @notice Tables what is multiplied by elements of F_p: two words for each value, its first two parts as lanes and
    /// its third.
    /// @param from Of the values: the first that counts.
    /// @return table Where it is in memory.
    function forBase(Fp3[] memory values, uint256 from) internal pure returns (uint256 table) {
        assembly ("memory-safe") {
            table := mload(0x40)
            let to := table
            let end := add(values, shl(5, add(mload(values), 1)))
            for { let at := add(values, shl(5, add(from, 1))) } lt(at, end) { at := add(at, 32) } {
                let value := mload(at)
                mstore(to, or(shl(160, and(shr(64, value), MASK)), shr(128, value)))
                mstore(add(to, 32), and(value, MASK))
                to := add(to, 64)
            }
            mstore(0x40, to)
        }
    }

    /// @notice Tables what is multiplied by elements of F: with b the value, b0 + b1 X, 2 b2 + b0 X and 2 b1 + 2 b2 X as
    /// lanes, which are the first two parts of b, b X and b X^2; then the third parts b2, b1 and b0.
    function forExtension(Fp3[] memory values, uint256 from) internal pure returns (uint256 table) {
        assembly ("memory-safe") {
            table := mload(0x40)
            let to := table
            let end := add(values, shl(5, add(mload(values), 1)))
            for { let at := add(values, shl(5, add(from, 1))) } lt(at, end) { at := add(at, 32) } {
                let b2 := mload(at)
                let b0 := shr(128, b2)
                let b1 := and(shr(64, b2), MASK)
                b2 := and(b2, MASK)
                mstore(to, or(shl(160, b1), b0))
                mstore(add(to, 32), or(shl(160, b0), shl(1, b2)))
                mstore(add(to, 64), or(shl(161, b2), shl(1, b1)))
                mstore(add(to, 96), b2)
                mstore(add(to, 128), b1)
                mstore(add(to, 160), b0)
                to := add(to, 192)
            }
            mstore(0x40, to)
        }
    }

    /// @notice The element whose first two parts are congruent to lanes, and the third to `third`.
    function join(uint256 lanes, uint256 third) internal pure returns (Fp3 value) {
        assembly ("memory-safe") {
            value := or(
                or(shl(128, mod(shr(96, shl(96, lanes)), P)), shl(64, mod(shr(160, lanes), P))),
                mod(third, P)
            )
        }
    }
}
