// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ProofErrors} from "./ProofErrors.sol";

/// @title How many positions WHIR asks for, of which codes
/// @notice The twin of src/imo/zkml/whir_parameters.cpp; docs/proof.md, "WHIR", is normative.
library WhirParameters {
    /// @notice Of a commitment to 2^variables elements.
    /// @param rate Logarithm of the inverse rate of the first code.
    /// @param grinding Bits of work for each round.
    /// @param security Bits.
    struct Parameters {
        uint256 variables;
        uint256 rate;
        uint256 grinding;
        uint256 security;
    }

    /// @notice A round folds a vector of 2^variables elements by 2^FOLDING.
    /// @param rate Logarithm of the inverse rate of its code.
    /// @param height Of the tree over the codeword's rows.
    /// @param queries Positions drawn, repetitions included.
    struct Round {
        uint256 variables;
        uint256 rate;
        uint256 height;
        uint256 queries;
    }

    uint256 internal constant FOLDING = 4;

    uint256 private constant LOWEST_RATE = 12;

    // Bits of security in units of 2^-16 bits.
    uint256 private constant ONE_BIT = 1 << 16;
    uint256 private constant FIELD = 191 * ONE_BIT;
    /// @dev log2 10, rounded up.
    uint256 private constant LOG_TEN = 217706;
    /// @dev log2 1.05, rounded up.
    uint256 private constant LOG_MARGIN = 4614;
    /// @dev log2 of the most claims.
    uint256 private constant LOG_CLAIMS = 16 * ONE_BIT;

    /// @notice All rounds, at least one; what gives less than the security asked for is refused.
    function rounds(Parameters memory parameters) internal pure returns (Round[] memory all) {
        (uint256 n, uint256 rate) = (parameters.variables, parameters.rate);
        (uint256 grinding, uint256 asked) = (parameters.grinding, parameters.security);
        if (n < 8 || n > 28 || rate < 1 || rate > 6 || grinding > 24 || asked < 100 || asked > 128)
        {
            revert ProofErrors.BadParameters(n, rate, grinding, asked);
        }
        unchecked {
            all = new Round[]((n - 3) / FOLDING); // 3 to 6 variables are left
            uint256 least = FIELD;
            for (uint256 i; i < all.length; ++i) {
                uint256 each = rate * ONE_BIT / 2 - LOG_MARGIN;
                uint256 queries = ((asked - grinding) * ONE_BIT + each - 1) / each;
                all[i] = Round(n, rate, n - FOLDING + rate, queries);
                least = _min(least, queries * each + grinding * ONE_BIT);
                least = _min(least, _codeBits(n * ONE_BIT, rate * ONE_BIT));
                n -= FOLDING;
                rate = _min(rate + (i == 0 ? FOLDING - 2 : FOLDING - 1), LOWEST_RATE);
            }
            if (least < asked * ONE_BIT) {
                revert ProofErrors.TooLittleSecurity(least / ONE_BIT, asked);
            }
        }
    }

    /// @dev The least entry of the table of soundness that does not depend on the queries.
    function _codeBits(uint256 variables, uint256 rate) private pure returns (uint256 least) {
        unchecked {
            uint256 dimension = variables - FOLDING * ONE_BIT;
            uint256 list = LOG_TEN + rate;
            least = FIELD - 7 * LOG_TEN - rate * 7 / 2 - 2 * dimension;
            least = _min(least, FIELD - variables - 2 * list + ONE_BIT);
            least = _min(least, FIELD - list - LOG_CLAIMS);
        }
    }

    function _min(uint256 a, uint256 b) private pure returns (uint256) {
        return a < b ? a : b;
    }
}
