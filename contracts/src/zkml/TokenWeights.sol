// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Fp3, ZERO} from "./Fp3.sol";
import {Points} from "./Points.sol";

/// @title What tokens weigh at a point
/// @notice A weight is a product of what a token's digits weigh, each of which has a table.
library TokenWeights {
    /// @dev Bits of a digit; the highest one may have fewer.
    uint256 private constant DIGIT = 5;
    uint256 private constant DIGIT_MASK = 31;

    /// @notice eq(token, r) for each token.
    function all(uint256[] memory tokens, uint256 r, uint256 bits)
        internal
        pure
        returns (Fp3[] memory weights)
    {
        Fp3[][] memory tables = _tables(r, bits);
        weights = new Fp3[](tokens.length);
        for (uint256 i; i < tokens.length; ++i) {
            uint256 token = tokens[i];
            Fp3 weight = tables[0][token & DIGIT_MASK];
            for (uint256 d = 1; d < tables.length; ++d) {
                token >>= DIGIT;
                weight = weight * tables[d][token & DIGIT_MASK];
            }
            weights[i] = weight;
        }
    }

    /// @notice The polynomial of [x < token] at r, for each token from the first on.
    /// @dev A number is less when its highest digit is, or is the same and what is below that is less.
    function below(uint256[] memory tokens, uint256 first, uint256 r, uint256 bits)
        internal
        pure
        returns (Fp3[] memory less)
    {
        Fp3[][] memory tables = _tables(r, bits);
        Fp3[][] memory sums = new Fp3[][](tables.length);
        for (uint256 d; d < sums.length; ++d) {
            sums[d] = _sums(tables[d]);
        }
        less = new Fp3[](tokens.length - first);
        for (uint256 i; i < less.length; ++i) {
            uint256 token = tokens[first + i];
            Fp3 lower = sums[0][token & DIGIT_MASK];
            for (uint256 d = 1; d < sums.length; ++d) {
                token >>= DIGIT;
                uint256 digit = token & DIGIT_MASK;
                lower = tables[d][digit].mulAdd(lower, sums[d][digit]);
            }
            less[i] = lower;
        }
    }

    /// @dev What digits weigh, the lowest first.
    function _tables(uint256 r, uint256 bits) private pure returns (Fp3[][] memory tables) {
        tables = new Fp3[][]((bits + DIGIT - 1) / DIGIT);
        for (uint256 d; d < tables.length; ++d) {
            uint256 left = bits - DIGIT * d;
            tables[d] = Points.weights(r + 32 * DIGIT * d, left < DIGIT ? left : DIGIT);
        }
    }

    /// @dev Of all weights before each.
    function _sums(Fp3[] memory weights) private pure returns (Fp3[] memory sums) {
        sums = new Fp3[](weights.length);
        Fp3 sum = ZERO;
        unchecked {
            uint256 skip = Points.start(sums) - Points.start(weights);
            uint256 end = Points.start(weights) + 32 * weights.length;
            for (uint256 at = Points.start(weights); at < end; at += 32) {
                Points.set(at + skip, sum);
                sum = sum + Points.coordinate(at, 0);
            }
        }
    }
}
