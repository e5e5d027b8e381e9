// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Fp3, ONE, P, fp3} from "./Fp3.sol";
import {WhirParameters} from "./WhirParameters.sol";
import {WhirWeights} from "./WhirWeights.sol";

/// @title What the parts of an opened vector say of it
/// @notice docs/proof.md, "WHIR", is normative: a part's univariate polynomial is that of its block, without what is in its hole.
library WhirParts {
    /// @dev What the weights of many x have in common. With h the hole's variables, or the block's where there is no hole, the
    /// weight of x is low(x) high(x^(2^h)): low over the variables below h, and above them high(X) = scale (powers(X) - X^number at).
    /// @param low Table of pairs below h, and where it ends.
    /// @param high The same from h to the block's variables; empty where there is no hole.
    /// @param doublings How often x is squared to get X.
    /// @param number Of the hole.
    /// @param at The weight of the hole's number; zero where there is none.
    /// @param scale The weight of the block's number.
    struct Weights {
        uint256[2] low;
        uint256[2] high;
        uint256 doublings;
        uint256 number;
        Fp3 at;
        Fp3 scale;
    }

    /// @notice The weight of z, before anything is folded.
    function weight(WhirParameters.Part memory part, Fp3[] memory r, Fp3 z)
        internal
        pure
        returns (Fp3 product)
    {
        uint256 v = part.variables;
        uint256 h = part.holeVariables == 0 ? v : part.holeVariables;
        (product, z) = WhirWeights.powers(z, r, 0, h);
        if (h != v) {
            (Fp3 all,) = WhirWeights.powers(z, r, h, v);
            Fp3 hole = WhirWeights.block_(r, h, v, part.holeNumber);
            product = product * (all - hole * _power(z, part.holeNumber));
        }
        return product * WhirWeights.block_(r, v, r.length, part.number);
    }

    function _power(Fp3 z, uint256 exponent) private pure returns (Fp3 power) {
        power = ONE;
        for (; exponent != 0; exponent >>= 1) {
            if (exponent & 1 != 0) power = power * z;
            z = z * z;
        }
    }

    /// @notice For weights of many x in F_p, when the first variables are folded.
    function prepare(WhirParameters.Part memory part, Fp3[] memory r)
        internal
        pure
        returns (Weights memory weights)
    {
        uint256 from = WhirParameters.FOLDING;
        uint256 v = part.variables;
        uint256 h = part.holeVariables == 0 ? v : part.holeVariables;
        (weights.low[0], weights.low[1]) = WhirWeights.pairs(r, from, h);
        (weights.high[0], weights.high[1]) = WhirWeights.pairs(r, h, v);
        weights.doublings = h - from;
        weights.number = part.holeNumber;
        if (h != v) weights.at = WhirWeights.block_(r, h, v, part.holeNumber);
        weights.scale = WhirWeights.block_(r, v, r.length, part.number);
    }

    /// @notice The weight of x.
    function weight(Weights memory weights, uint256 x) internal pure returns (Fp3 product) {
        product = WhirWeights.powers(x, weights.low[0], weights.low[1], weights.scale);
        if (weights.high[0] != weights.high[1]) {
            uint256 doublings = weights.doublings;
            uint256 exponent = weights.number;
            uint256 power = 1;
            assembly ("memory-safe") {
                for {} doublings { doublings := sub(doublings, 1) } { x := mulmod(x, x, P) }
                for { let square := x } exponent { exponent := shr(1, exponent) } {
                    if and(exponent, 1) { power := mulmod(power, square, P) }
                    square := mulmod(square, square, P)
                }
            }
            Fp3 all = WhirWeights.powers(x, weights.high[0], weights.high[1], ONE);
            product = product * (all - fp3(power, 0, 0) * weights.at);
        }
    }
}
