// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Fp3} from "./Fp3.sol";
import {Transcript} from "./Transcript.sol";

/// @title Many sums of products, checked together
/// @notice The twin of check_products in src/imo/zkml/product_sum.cpp, up to the terms; docs/proof.md, "Sums of products", is normative.
library ProductSum {
    using Transcript for Transcript.Reader;

    /// @notice From a sum over {0,1}^variables to a claim at one point.
    /// @return point The point.
    /// @return value What the terms must add up to there.
    function reduce(Transcript.Reader memory reader, uint256 variables, Fp3 sum)
        internal
        pure
        returns (Fp3[] memory point, Fp3 value)
    {
        point = new Fp3[](variables);
        value = sum;
        for (uint256 left = variables; left > 0; --left) {
            (value, point[left - 1]) = _round(reader, value);
        }
    }

    /// @dev c0 + c1 X + .. + c4 X^4 with c1 left out, for its values at 0 and 1 add up to the sum.
    function _round(Transcript.Reader memory reader, Fp3 sum) private pure returns (Fp3, Fp3) {
        Fp3 c0 = reader.readFp3();
        Fp3 c2 = reader.readFp3();
        Fp3 c3 = reader.readFp3();
        Fp3 c4 = reader.readFp3();
        Fp3 c1 = sum - c0.twice() - c2 - c3 - c4;
        Fp3 r = reader.challenge();
        return (r.mulAdd(r.mulAdd(r.mulAdd(r.mulAdd(c4, c3), c2), c1), c0), r);
    }
}
