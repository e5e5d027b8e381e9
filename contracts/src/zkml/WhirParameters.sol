// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ProofErrors} from "./ProofErrors.sol";

/// @title How many positions WHIR asks for, of which codes
/// @notice The twin of src/imo/zkml/whir_parameters.cpp; docs/proof.md, "WHIR", is normative.
library WhirParameters {
    /// @notice A commitment to 2^variables elements.
    /// @param rate Logarithm of the inverse rate of its code.
    /// @param stored Elements that may be other than zero, from the first one on.
    struct Commitment {
        uint256 variables;
        uint256 rate;
        uint256 stored;
    }

    /// @notice Of an opening of one or two commitments.
    /// @param rate Logarithm of the inverse rate of the code after the first folds.
    /// @param grinding Bits of work for each round.
    /// @param security Bits.
    struct Parameters {
        Commitment[] commitments;
        uint256 rate;
        uint256 grinding;
        uint256 security;
    }

    /// @notice What a tree was made of: a block of the vector that a round folds by 2^FOLDING, or all of it.
    /// @param variables Of the block.
    /// @param height Of the tree over the codeword's rows.
    /// @param queries Positions drawn, repetitions included.
    /// @param number The block's: its offset, divided by 2^variables.
    /// @param holeVariables Of a smaller part's block within this one; 0 for none.
    /// @param holeNumber That block's number.
    struct Part {
        uint256 variables;
        uint256 height;
        uint256 queries;
        uint256 number;
        uint256 holeVariables;
        uint256 holeNumber;
    }

    /// @param variables Of the vector that all commitments together are.
    /// @param parts Of the first round: the commitments.
    /// @param rounds Of each round behind the first, its only part.
    struct Plan {
        uint256 variables;
        Part[] parts;
        Part[] rounds;
    }

    uint256 internal constant FOLDING = 4;

    uint256 private constant LOWEST_RATE = 12;

    // Bits of security in units of 2^-16 bits.
    uint256 private constant ONE_BIT = 1 << 16;
    uint256 private constant FIELD = 191 * ONE_BIT;
    /// @dev Of a code of more than 2^LONG elements, the next one's domain is a quarter, else a half.
    uint256 private constant LONG = 24;
    /// @dev log2 10, rounded up.
    uint256 private constant LOG_TEN = 217706;
    /// @dev log2 1.05, rounded up.
    uint256 private constant LOG_MARGIN = 4614;
    /// @dev log2 of the most claims.
    uint256 private constant LOG_CLAIMS = 16 * ONE_BIT;

    /// @notice All rounds, at least one; what gives less than the security asked for is refused.
    function plan(Parameters memory parameters) internal pure returns (Plan memory all) {
        _checkRanges(parameters);
        Commitment[] memory commitments = parameters.commitments;
        unchecked {
            uint256 list;
            for (uint256 i; i < commitments.length; ++i) {
                list += LOG_TEN + commitments[i].rate * ONE_BIT;
            }
            // Both fold at once: one bit for the sum of what can go wrong.
            uint256 together = (commitments.length - 1) * ONE_BIT;
            all.parts = new Part[](commitments.length);
            uint256 least = FIELD;
            for (uint256 i; i < commitments.length; ++i) {
                uint256 rate = commitments[i].rate;
                uint256 v = commitments[i].variables;
                least = _min(least, _add(parameters, all.parts[i], v, rate));
                least = _min(least, _codeBits(v * ONE_BIT, rate * ONE_BIT, list) - together);
            }
            _place(all, commitments);
            least = _min(least, _addRounds(all, parameters));
            if (least < parameters.security * ONE_BIT) {
                revert ProofErrors.TooLittleSecurity(least / ONE_BIT, parameters.security);
            }
        }
    }

    function _checkRanges(Parameters memory p) private pure {
        uint256 count = p.commitments.length;
        bool isRight = count > 0 && count < 3 && p.rate > 0 && p.rate <= LOWEST_RATE;
        isRight = isRight && p.grinding <= 24 && p.security >= 100 && p.security <= 128;
        for (uint256 i; i < count && isRight; ++i) {
            uint256 n = p.commitments[i].variables;
            uint256 rate = p.commitments[i].rate;
            isRight = n >= 8 && n <= 28 && rate > 0 && rate <= 7;
            isRight = isRight && p.commitments[i].stored <= 1 << n;
        }
        if (!isRight) revert ProofErrors.BadParameters();
    }

    /// @dev Gives the parts their blocks: the largest first, of equals the first; the other one begins with the first block of
    /// its size in which the larger one has nothing stored.
    function _place(Plan memory all, Commitment[] memory commitments) private pure {
        Part[] memory parts = all.parts;
        all.variables = parts[0].variables;
        if (parts.length == 1) return;
        unchecked {
            uint256 i = parts[1].variables > parts[0].variables ? 1 : 0;
            (Part memory large, Part memory small) = (parts[i], parts[1 - i]);
            uint256 v = small.variables;
            small.number = (commitments[i].stored + (1 << v) - 1) >> v;
            uint256 end = (small.number + 1) << v;
            all.variables = large.variables;
            if (end <= 1 << large.variables) {
                (large.holeVariables, large.holeNumber) = (v, small.number);
            }
            while (1 << all.variables < end) ++all.variables;
        }
    }

    /// @return least Bits of security.
    function _addRounds(Plan memory all, Parameters memory parameters)
        private
        pure
        returns (uint256 least)
    {
        unchecked {
            uint256 n = all.variables - FOLDING;
            uint256 rate = parameters.rate;
            all.rounds = new Part[](n > 6 ? (n - 3) / FOLDING : 0); // 3 to 6 variables are left
            least = FIELD;
            for (uint256 i; i < all.rounds.length; ++i) {
                least = _min(least, _add(parameters, all.rounds[i], n, rate));
                uint256 list = LOG_TEN + rate * ONE_BIT;
                least = _min(least, _codeBits(n * ONE_BIT, rate * ONE_BIT, list));
                uint256 halvings = n + rate > LONG ? 2 : 1;
                n -= FOLDING;
                rate = _min(rate + FOLDING - halvings, LOWEST_RATE);
            }
        }
    }

    /// @return Bits that the queries are worth, with grinding.
    function _add(Parameters memory parameters, Part memory part, uint256 n, uint256 rate)
        private
        pure
        returns (uint256)
    {
        unchecked {
            uint256 grinding = parameters.grinding;
            uint256 each = rate * ONE_BIT / 2 - LOG_MARGIN;
            uint256 queries = ((parameters.security - grinding) * ONE_BIT + each - 1) / each;
            (part.variables, part.height, part.queries) = (n, n - FOLDING + rate, queries);
            return queries * each + grinding * ONE_BIT;
        }
    }

    /// @dev The least entry of the table of soundness that does not depend on the queries, for vectors that fold together.
    /// @param list Logarithm of how many codewords are near all of them.
    function _codeBits(uint256 variables, uint256 rate, uint256 list)
        private
        pure
        returns (uint256 least)
    {
        unchecked {
            uint256 dimension = variables - FOLDING * ONE_BIT;
            least = FIELD - 7 * LOG_TEN - rate * 7 / 2 - 2 * dimension;
            least = _min(least, FIELD - variables - 2 * (LOG_TEN + rate) + ONE_BIT);
            least = _min(least, FIELD - list - LOG_CLAIMS);
        }
    }

    function _min(uint256 a, uint256 b) private pure returns (uint256) {
        return a < b ? a : b;
    }
}
