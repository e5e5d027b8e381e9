// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Circuit} from "./Circuit.sol";
import {ColumnClaims} from "./ColumnClaims.sol";
import {Fp3, ONE, ZERO} from "./Fp3.sol";
import {Points} from "./Points.sol";
import {ProofErrors} from "./ProofErrors.sol";
import {Transcript} from "./Transcript.sol";

/// @title The leaves of the sum of fractions, at one point
/// @notice The twin of CircuitAtPoint::learn_fraction in src/imo/zkml/circuit_argument.cpp; docs/proof.md, "Circuits", is
/// normative.
library Lookups {
    using Transcript for Transcript.Reader;
    using ColumnClaims for ColumnClaims.Known;

    /// @notice Where lookups and tables lie among the leaves.
    /// @param order Lookups by number, then tables: the number less that of lookups.
    /// @param offsets Of the first leaf of each.
    /// @param variables Of all leaves.
    struct Segments {
        uint256[] order;
        uint256[] offsets;
        uint256 variables;
    }

    struct Challenges {
        Fp3 alpha;
        Fp3 beta;
        Fp3 beta2;
    }

    /// @dev What leaves are made of.
    struct Sides {
        Transcript.Reader reader;
        Circuit.Builder b;
        Challenges challenges;
        ColumnClaims.Known claims;
        Fp3[] virtuals;
    }

    /// @dev The weight of a block of leaves, from the highest bit down: path[j] is that of `offset`'s bits from j on,
    /// and known from `known` on.
    struct Path {
        Fp3[] at;
        uint256 r;
        uint256 offset;
        uint256 known;
    }

    /// @notice The largest first; among equals lookups before tables, each in the order of the circuit.
    function segments(Circuit.Builder memory b) internal pure returns (Segments memory made) {
        unchecked {
            uint256 lookups = b.lookupCount;
            uint256 count = lookups + b.tableCount;
            uint256[] memory first = new uint256[](65); // by size: how many are larger
            for (uint256 i; i < count; ++i) {
                ++first[_variables(b, i)];
            }
            uint256 larger;
            for (uint256 v = 65; v > 0; --v) {
                uint256 some = first[v - 1];
                first[v - 1] = larger;
                larger += some;
            }
            made.order = new uint256[](count);
            made.offsets = new uint256[](count);
            for (uint256 i; i < count; ++i) {
                made.order[first[_variables(b, i)]++] = i;
            }
            uint256 end;
            for (uint256 i; i < count; ++i) {
                made.offsets[i] = end;
                end += 1 << _variables(b, made.order[i]);
            }
            made.variables = 1;
            while (1 << made.variables < end) ++made.variables;
        }
    }

    function _variables(Circuit.Builder memory b, uint256 i) private pure returns (uint256) {
        return
            i < b.lookupCount ? b.lookups[i].box.variables : b.tables[i - b.lookupCount].variables;
    }

    /// @notice Reads the values of all lookups and tables at rho; reverts unless their fractions there are the claimed one.
    /// @return virtuals The values of virtual vectors.
    function check(
        Transcript.Reader memory reader,
        Circuit.Builder memory b,
        Segments memory made,
        Challenges memory challenges,
        ColumnClaims.Known memory claims,
        Fp3[2] memory claimed
    ) internal pure returns (Fp3[] memory virtuals) {
        virtuals = new Fp3[](b.virtualCount);
        uint256 r = Points.start(claims.rho);
        Circuit.evaluateBoxes(b, r);
        Path memory path = Path(new Fp3[](made.variables + 1), r, 0, made.variables);
        path.at[made.variables] = ONE;
        Sides memory sides = Sides(reader, b, challenges, claims, virtuals);
        Fp3[2] memory sum = [ZERO, ONE];
        for (uint256 i; i < made.order.length; ++i) {
            _add(sides, path, made.order[i], made.offsets[i], sum);
        }
        if (sum[0] != claimed[0] || sum[1] != claimed[1]) {
            revert ProofErrors.LookupMismatch(reader.offset());
        }
    }

    /// @dev Adds a segment's numerator and denominator, where its leaves are.
    function _add(
        Sides memory sides,
        Path memory path,
        uint256 which,
        uint256 offset,
        Fp3[2] memory sum
    ) private pure {
        Circuit.Builder memory b = sides.b;
        Fp3 here = _walk(path, offset, _variables(b, which));
        Fp3 numerator;
        Fp3 denominator;
        if (which < b.lookupCount) {
            (numerator, denominator) = _lookup(sides, b.lookups[which]);
        } else {
            (numerator, denominator) = _table(sides, b.tables[which - b.lookupCount]);
        }
        sum[0] = here.mulAdd(numerator, sum[0]);
        sum[1] = here.mulAdd(denominator - ONE, sum[1]);
    }

    /// @dev eq of a segment's number. Offsets grow, so few bits change from one to the next.
    function _walk(Path memory path, uint256 offset, uint256 v) private pure returns (Fp3 weight) {
        unchecked {
            uint256 changed = offset ^ path.offset;
            uint256 top = path.known;
            while (changed >> top != 0) ++top;
            (path.offset, path.known) = (offset, v);
            Fp3[] memory at = path.at;
            weight = at[top];
            for (; top > v; --top) {
                Fp3 one = weight * Points.coordinate(path.r, top - 1);
                weight = offset >> (top - 1) & 1 == 1 ? one : weight - one;
                at[top - 1] = weight;
            }
        }
    }

    function _lookup(Sides memory sides, Circuit.Lookup memory lookup)
        private
        pure
        returns (Fp3 numerator, Fp3 denominator)
    {
        Challenges memory challenges = sides.challenges;
        Fp3 known = challenges.alpha - Fp3.wrap(sides.b.tables[lookup.table].tag << 128)
            - challenges.beta * Fp3.wrap(lookup.offset << 128);
        // bounds * known + 1 - bounds - beta in - beta^2 out
        denominator = (known - ONE).mulAdd(lookup.box.inBounds, ONE);
        Fp3 value;
        if (lookup.isVirtual) {
            // Each is looked up once.
            value = sides.reader.readFp3();
            sides.virtuals[lookup.input] = value;
        } else {
            value = _column(sides, lookup.input);
        }
        denominator = denominator - challenges.beta * value;
        if (lookup.output != 0) {
            denominator = denominator - challenges.beta2 * _column(sides, lookup.output - 1);
        }
        numerator = lookup.box.inBox;
    }

    function _table(Sides memory sides, Circuit.Table memory table)
        private
        pure
        returns (Fp3 numerator, Fp3 denominator)
    {
        Challenges memory challenges = sides.challenges;
        uint256 r = Points.start(sides.claims.rho);
        uint256 n = table.variables;
        denominator = challenges.alpha - Fp3.wrap(table.tag << 128) - challenges.beta
            * _row(r, n, table.isSigned);
        numerator = ZERO - _column(sides, table.counts);
        if (table.outs != 0) {
            uint256 v = sides.b.columns[table.outs - 1].variables;
            Fp3 value = _column(sides, table.outs - 1) * Points.index(0, r + 32 * v, n - v);
            denominator = denominator - challenges.beta2 * value;
        }
    }

    /// @dev The polynomial of a table's inputs.
    function _row(uint256 r, uint256 n, bool isSigned) private pure returns (Fp3 row) {
        for (uint256 j = n; j > 0; --j) {
            row = row.twice() + Points.coordinate(r, j - 1);
        }
        if (isSigned) {
            Fp3 half = Fp3.wrap(1 << (127 + n));
            row = half.mulAdd(Points.index(0, r, n) - ONE, row);
        }
    }

    function _column(Sides memory sides, uint256 column) private pure returns (Fp3) {
        return sides.claims.valueAtRho(sides.b, sides.reader, column);
    }
}
