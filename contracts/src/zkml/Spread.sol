// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Fp3, MASK, P} from "./Fp3.sol";

/// @notice A sum of elements whose parts lie 85 bits apart, so that they are added and multiplied by small numbers in one instruction each:
/// a part has 21 bits more than p has, which nothing may fill.
type Spread is uint256;

/// @dev 85 bits.
uint256 constant LANE = 0x1fffffffffffffffffffff;

using {plus, joined} for Spread global;

function spread(Fp3 a) pure returns (Spread s) {
    assembly ("memory-safe") {
        s := or(or(shl(170, shr(128, a)), shl(85, and(shr(64, a), MASK))), and(a, MASK))
    }
}

/// @notice s + a k.
function plus(Spread s, Spread a, uint256 k) pure returns (Spread) {
    unchecked {
        return Spread.wrap(Spread.unwrap(s) + Spread.unwrap(a) * k);
    }
}

/// @notice As an element.
function joined(Spread s) pure returns (Fp3 a) {
    assembly ("memory-safe") {
        a := or(
            or(shl(128, mod(shr(170, s), P)), shl(64, mod(and(shr(85, s), LANE), P))),
            mod(and(s, LANE), P)
        )
    }
}
