// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Fp3, ZERO} from "./Fp3.sol";
import {Points} from "./Points.sol";

/// @title What tokens weigh at a point
/// @notice Of many tokens: a weight is that of the lower half of a token's bits times that of the upper half, so both halves
/// have a table.
library TokenWeights {
    /// @notice eq(token, r) for each token.
    function all(uint256[] memory tokens, uint256 r, uint256 bits)
        internal
        pure
        returns (Fp3[] memory weights)
    {
        uint256 low = bits / 2;
        Fp3[] memory lower = Points.weights(r, low);
        Fp3[] memory upper = Points.weights(r + 32 * low, bits - low);
        weights = new Fp3[](tokens.length);
        uint256 mask = (1 << low) - 1;
        for (uint256 i; i < tokens.length; ++i) {
            weights[i] = lower[tokens[i] & mask] * upper[tokens[i] >> low];
        }
    }

    /// @notice The polynomial of [x < token] at r, for each token from the first on.
    /// @dev A number is less when its upper half is, or is the same and its lower half is less.
    function below(uint256[] memory tokens, uint256 first, uint256 r, uint256 bits)
        internal
        pure
        returns (Fp3[] memory less)
    {
        uint256 low = bits / 2;
        Fp3[] memory lower = _sums(Points.weights(r, low));
        Fp3[] memory upper = Points.weights(r + 32 * low, bits - low);
        Fp3[] memory upperSums = _sums(upper);
        less = new Fp3[](tokens.length - first);
        for (uint256 i; i < less.length; ++i) {
            uint256 token = tokens[first + i];
            uint256 high = token >> low;
            less[i] = upper[high].mulAdd(lower[token & ((1 << low) - 1)], upperSums[high]);
        }
    }

    /// @dev Of all weights before each.
    function _sums(Fp3[] memory weights) private pure returns (Fp3[] memory sums) {
        sums = new Fp3[](weights.length);
        Fp3 sum = ZERO;
        for (uint256 i; i < weights.length; ++i) {
            sums[i] = sum;
            sum = sum + weights[i];
        }
    }
}
