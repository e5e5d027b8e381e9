// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Circuit} from "./Circuit.sol";
import {ColumnClaims} from "./ColumnClaims.sol";
import {Fp3, ONE, P} from "./Fp3.sol";
import {Points} from "./Points.sol";
import {ProofErrors} from "./ProofErrors.sol";
import {Transcript} from "./Transcript.sol";

/// @title Many sums of products, checked together
/// @notice The twin of check_products in src/imo/zkml/product_sum.cpp; docs/proof.md, "Sums of products", is normative.
library ProductSum {
    using Transcript for Transcript.Reader;
    using ColumnClaims for ColumnClaims.Known;

    /// @notice A sum of columns with scales, all at the same coordinates.
    /// @param coordinates From the lowest; see fixedAt(), variables() and bitsOf().
    struct Form {
        uint256[] columns;
        Fp3[] scales;
        uint256[] coordinates;
    }

    /// @notice scale * sum over {0,1}^variables of the product of forms and known factors.
    /// @param known See equal(), sparse(), causal() and below().
    struct Term {
        uint256 variables;
        Fp3 scale;
        Form[] forms;
        uint256[] known;
    }

    // Coordinates and known factors are words: a kind, a count of coordinates, where they begin, and more.

    uint256 private constant FIXED = 0;
    uint256 private constant VARIABLES = 1;
    uint256 private constant BITS = 2;

    uint256 private constant EQUAL = 0;
    uint256 private constant SPARSE = 1;
    uint256 private constant CAUSAL = 2;
    uint256 private constant ACAUSAL = 3;
    uint256 private constant BELOW = 4;

    uint256 private constant HALF = 0x7fffffff80000001; // (p + 1) / 2

    function _word(uint256 kind, uint256 count, uint256 first, uint256 more)
        private
        pure
        returns (uint256)
    {
        return more << 64 | first << 32 | count << 8 | kind;
    }

    /// @notice The `count` coordinates that are at `r` in memory.
    function fixedAt(uint256 r, uint256 count) internal pure returns (uint256) {
        return _word(FIXED, count, 0, r);
    }

    /// @notice Variables first .. first + count - 1 of the term.
    function variables(uint256 first, uint256 count) internal pure returns (uint256) {
        return _word(VARIABLES, count, first, 0);
    }

    /// @notice The bits of a number.
    function bitsOf(uint256 number, uint256 count) internal pure returns (uint256) {
        return _word(BITS, count, 0, number);
    }

    /// @notice eq(the coordinates at r, x), x the variables from `first` on.
    function equal(uint256 first, uint256 r, uint256 count) internal pure returns (uint256) {
        return _word(EQUAL, count, first, r);
    }

    /// @notice Values at some indices: index, value, in turns.
    function sparse(uint256 first, uint256 count, uint256[] memory entries)
        internal
        pure
        returns (uint256)
    {
        uint256 at;
        assembly ("memory-safe") {
            at := entries
        }
        return _word(SPARSE, count, first, at);
    }

    /// @notice [key <= query], or [key > query]; `count` variables of each.
    function causal(uint256 first, uint256 count, bool isInverted) internal pure returns (uint256) {
        return _word(isInverted ? ACAUSAL : CAUSAL, count, first, 0);
    }

    /// @notice [x < bound].
    function below(uint256 first, uint256 count, uint256 bound) internal pure returns (uint256) {
        return _word(BELOW, count, first, bound);
    }

    /// @notice Reverts unless the terms add up to `sum`, provided that the claims on columns are true.
    function check(
        Transcript.Reader memory reader,
        Term[] memory terms,
        Fp3 sum,
        ColumnClaims.Known memory claims,
        Circuit.Builder memory b
    ) internal pure {
        uint256 most;
        for (uint256 i; i < terms.length; ++i) {
            if (terms[i].variables > most) most = terms[i].variables;
        }
        Fp3[] memory r = new Fp3[](most);
        for (uint256 left = most; left > 0; --left) {
            (sum, r[left - 1]) = _round(reader, sum);
        }
        Fp3[] memory halves = _halves(most);
        Fp3 total;
        for (uint256 i; i < terms.length; ++i) {
            Fp3 share = halves[most - terms[i].variables];
            total = share.mulAdd(_evaluate(reader, terms[i], r, claims, b), total);
        }
        if (total != sum) revert ProofErrors.ProductMismatch(reader.offset());
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

    /// @dev 1, 1/2, 1/4 .. 1/2^n.
    function _halves(uint256 n) private pure returns (Fp3[] memory powers) {
        powers = new Fp3[](n + 1);
        uint256 power = 1;
        for (uint256 i; i <= n; ++i) {
            powers[i] = Fp3.wrap(power << 128);
            power = mulmod(power, HALF, P);
        }
    }

    /// @dev A term's value at the first of r's coordinates, as many as it has variables.
    function _evaluate(
        Transcript.Reader memory reader,
        Term memory term,
        Fp3[] memory r,
        ColumnClaims.Known memory claims,
        Circuit.Builder memory b
    ) private pure returns (Fp3 product) {
        product = term.scale;
        for (uint256 i; i < term.forms.length; ++i) {
            product = product * _form(reader, term.forms[i], r, claims, b);
        }
        for (uint256 i; i < term.known.length; ++i) {
            product = product * _known(term.known[i], Points.start(r));
        }
    }

    function _form(
        Transcript.Reader memory reader,
        Form memory form,
        Fp3[] memory r,
        ColumnClaims.Known memory claims,
        Circuit.Builder memory b
    ) private pure returns (Fp3 sum) {
        uint256 free;
        assembly ("memory-safe") {
            free := mload(0x40)
        }
        Fp3[] memory made = _point(form.coordinates, r);
        Fp3[] memory point = claims.met(made);
        if (Points.start(point) != Points.start(made)) {
            // Met before: this one is not needed.
            assembly ("memory-safe") {
                mstore(0x40, free)
            }
        }
        for (uint256 i; i < form.columns.length; ++i) {
            Fp3 value = claims.value(b, reader, form.columns[i], point);
            sum = value.mulAdd(form.scales[i], sum);
        }
    }

    function _point(uint256[] memory coordinates, Fp3[] memory r)
        private
        pure
        returns (Fp3[] memory point)
    {
        uint256 size;
        for (uint256 i; i < coordinates.length; ++i) {
            size += coordinates[i] >> 8 & 0xffffff;
        }
        point = new Fp3[](size);
        uint256 to = Points.start(point);
        for (uint256 i; i < coordinates.length; ++i) {
            uint256 word = coordinates[i];
            uint256 count = word >> 8 & 0xffffff;
            uint256 kind = word & 0xff;
            if (kind == BITS) {
                for (uint256 j; j < count; ++j) {
                    uint256 bit = (word >> (64 + j) & 1) << 128;
                    assembly ("memory-safe") {
                        mstore(add(to, shl(5, j)), bit)
                    }
                }
            } else {
                uint256 from =
                    kind == FIXED ? word >> 64 : Points.start(r) + 32 * (word >> 32 & 0xffffffff);
                assembly ("memory-safe") {
                    mcopy(to, from, shl(5, count))
                }
            }
            to += 32 * count;
        }
    }

    function _known(uint256 word, uint256 r) private pure returns (Fp3) {
        uint256 kind = word & 0xff;
        uint256 count = word >> 8 & 0xffffff;
        uint256 more = word >> 64;
        r += 32 * (word >> 32 & 0xffffffff);
        if (kind == EQUAL) return Points.equal(more, r, count);
        if (kind == BELOW) return Points.below(more, r, count);
        if (kind == SPARSE) {
            uint256[] memory entries;
            assembly ("memory-safe") {
                entries := more
            }
            return Points.sparse(entries, r, count);
        }
        Fp3 before = Points.causalBelow(1 << count, r, r + 32 * count, count);
        return kind == CAUSAL ? before : ONE - before;
    }
}
