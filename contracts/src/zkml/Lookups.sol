// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Circuit} from "./Circuit.sol";
import {Leaves} from "./CircuitWords.sol";
import {ColumnClaims} from "./ColumnClaims.sol";
import {Fp3, MASK, ONE, P} from "./Fp3.sol";
import {Points} from "./Points.sol";
import {ProofErrors} from "./ProofErrors.sol";
import {Spread, spread} from "./Spread.sol";
import {Transcript} from "./Transcript.sol";

/// @title The leaves of the sum of fractions, at one point
/// @notice The twin of CircuitAtPoint::learn_fraction in src/imo/zkml/circuit_argument.cpp; docs/proof.md, "Circuits", is
/// normative.
library Lookups {
    using Transcript for Transcript.Reader;
    using ColumnClaims for ColumnClaims.Known;

    struct Challenges {
        Fp3 alpha;
        Fp3 beta;
        Fp3 beta2;
    }

    /// @dev What is added up over all leaves.
    /// @param numerator Of all leaves so far, less those that their boxes tell.
    /// @param inputs What is looked up, and rows of tables.
    /// @param outputs The same of second vectors.
    /// @param tables What tables weigh.
    /// @param tags The same, each times its tag.
    struct Sums {
        Fp3 numerator;
        Fp3 inputs;
        Fp3 outputs;
        Spread tables;
        Spread tags;
    }

    /// @dev What leaves are made of.
    /// @param rows By variables: the polynomial of a row's index, at the first coordinates of rho.
    /// @param first By variables: that of [index is 0].
    struct Sides {
        Transcript.Reader reader;
        Circuit.Builder b;
        ColumnClaims.Known claims;
        Fp3[] virtuals;
        Sums sums;
        Fp3[] rows;
        Fp3[] first;
    }

    /// @dev Leaves that are still to come. Runs are aligned and get smaller, so what is left is one block for each bit of the number
    /// that is left, the smallest first.
    /// @param at By variables: the weight of the block, where the number has a bit.
    /// @param r Where the point is in memory.
    struct Left {
        Fp3[] at;
        uint256 r;
        uint256 number;
    }

    /// @notice Lookups and tables as their leaves are: the largest first; among equals lookups before tables, each in the order of the
    /// circuit.
    /// @return order All of them.
    /// @return variables Of all leaves.
    function segments(Circuit.Builder memory b)
        internal
        pure
        returns (Leaves[] memory order, uint256 variables)
    {
        uint256[] memory next = new uint256[](64); // from how many there are of each size to where they begin
        _count(b.lookups, b.lookupCount, next);
        _count(b.tables, b.tableCount, next);
        uint256 count;
        uint256 end;
        assembly ("memory-safe") {
            for { let v := 64 } v {} {
                let at := add(next, shl(5, v))
                v := sub(v, 1)
                let some := mload(at)
                mstore(at, count)
                count := add(count, some)
                end := add(end, shl(v, some))
            }
        }
        order = new Leaves[](count);
        _sort(b.lookups, b.lookupCount, order, next);
        _sort(b.tables, b.tableCount, order, next);
        variables = 1;
        unchecked {
            while (1 << variables < end) ++variables;
        }
    }

    /// @dev Adds the first `count` to how many there are of each size.
    function _count(Leaves[] memory list, uint256 count, uint256[] memory sizes) private pure {
        assembly ("memory-safe") {
            let at := add(list, 32)
            for { let end := add(at, shl(5, count)) } lt(at, end) { at := add(at, 32) } {
                let place := add(add(sizes, 32), shl(5, and(mload(at), 0xff)))
                mstore(place, add(mload(place), 1))
            }
        }
    }

    /// @dev Puts each of the first `count` where the next of its size goes.
    function _sort(
        Leaves[] memory list,
        uint256 count,
        Leaves[] memory order,
        uint256[] memory next
    ) private pure {
        assembly ("memory-safe") {
            let at := add(list, 32)
            for { let end := add(at, shl(5, count)) } lt(at, end) { at := add(at, 32) } {
                let leaves := mload(at)
                let place := add(add(next, 32), shl(5, and(leaves, 0xff)))
                let there := mload(place)
                mstore(add(add(order, 32), shl(5, there)), leaves)
                mstore(place, add(there, 1))
            }
        }
    }

    /// @notice Reads the values of all lookups and tables at rho; reverts unless their fractions there are the claimed one.
    /// @param order See segments().
    /// @return virtuals The values of virtual vectors.
    function check(
        Transcript.Reader memory reader,
        Circuit.Builder memory b,
        Leaves[] memory order,
        Challenges memory challenges,
        ColumnClaims.Known memory claims,
        Fp3[2] memory claimed
    ) internal pure returns (Fp3[] memory virtuals) {
        Sums memory sums;
        Sides memory sides = _sides(reader, b, claims, sums);
        virtuals = sides.virtuals;
        _addAll(sides, order);
        Circuit.evaluateBoxes(b, Points.start(claims.rho));
        (Fp3 numerator, Fp3 denominator) = _fraction(b, sums, challenges);
        if (numerator != claimed[0] || denominator != claimed[1]) {
            revert ProofErrors.LookupMismatch(reader.offset());
        }
    }

    function _sides(
        Transcript.Reader memory reader,
        Circuit.Builder memory b,
        ColumnClaims.Known memory claims,
        Sums memory sums
    ) private pure returns (Sides memory) {
        uint256 most = Circuit.LIMB_BITS;
        (Fp3[] memory rows, Fp3[] memory first) = (new Fp3[](most + 1), new Fp3[](most + 1));
        first[0] = ONE;
        for (uint256 j; j < most; ++j) {
            Fp3 x = claims.rho[j];
            rows[j + 1] = rows[j] + x.times(1 << j);
            first[j + 1] = first[j] - first[j] * x;
        }
        return Sides(reader, b, claims, new Fp3[](b.virtualCount), sums, rows, first);
    }

    function _addAll(Sides memory sides, Leaves[] memory order) private pure {
        Fp3[] memory rho = sides.claims.rho;
        Left memory left = Left(new Fp3[](rho.length + 1), Points.start(rho), 1 << rho.length);
        left.at[rho.length] = ONE;
        for (uint256 i; i < order.length; ++i) {
            Leaves leaves = order[i];
            Fp3 weight = _next(left, leaves.log());
            if (leaves.isTable()) _addTable(sides, leaves, weight);
            else _addLookup(sides, leaves, weight);
        }
    }

    /// @dev The weight of the next 2^v leaves: the smallest block that is left, halved until it is as small.
    function _next(Left memory left, uint256 v) private pure returns (Fp3 weight) {
        assembly ("memory-safe") {
            let at := add(mload(left), 32)
            let r := mload(add(left, 0x20))
            let left_ := mload(add(left, 0x40))
            mstore(add(left, 0x40), sub(left_, shl(v, 1)))
            let size := v
            for {} iszero(and(shr(size, left_), 1)) {} { size := add(size, 1) }
            weight := mload(add(at, shl(5, size)))
            for {} gt(size, v) {} {
                size := sub(size, 1)
                let w0 := shr(128, weight)
                let w1 := and(shr(64, weight), MASK)
                let w2 := and(weight, MASK)
                let x0 := mload(add(r, shl(5, size)))
                let x1 := and(shr(64, x0), MASK)
                let x2 := and(x0, MASK)
                x0 := shr(128, x0)
                // The upper half's weight, and the lower one's.
                let u0 := mod(add(mul(w0, x0), shl(1, add(mul(w1, x2), mul(w2, x1)))), P)
                let u1 := mod(add(add(mul(w0, x1), mul(w1, x0)), shl(1, mul(w2, x2))), P)
                x2 := mod(add(add(mul(w0, x2), mul(w1, x1)), mul(w2, x0)), P)
                mstore(add(at, shl(5, size)), or(or(shl(128, u0), shl(64, u1)), x2))
                weight := or(
                    or(shl(128, addmod(w0, sub(P, u0), P)), shl(64, addmod(w1, sub(P, u1), P))),
                    addmod(w2, sub(P, x2), P)
                )
            }
        }
    }

    function _addLookup(Sides memory sides, Leaves lookup, Fp3 weight) private pure {
        Sums memory sums = sides.sums;
        _addToBox(lookup, weight);
        Fp3 value;
        uint256 input = lookup.input();
        if (lookup.isVirtual()) {
            // Each is looked up once.
            value = sides.reader.readFp3();
            sides.virtuals[input] = value;
        } else {
            value = sides.claims.valueAtRho(sides.b, sides.reader, input);
        }
        sums.inputs = weight.mulAdd(value, sums.inputs);
        uint256 output = lookup.output();
        if (output != 0) sums.outputs = weight.mulAdd(_column(sides, output - 1), sums.outputs);
    }

    /// @dev Adds a weight to Box.weights, and its products to Box.tags and Box.offsets.
    function _addToBox(Leaves lookup, Fp3 weight) private pure {
        Spread spread_ = spread(weight);
        (uint256 at, uint256 tag, uint256 added) = (lookup.box(), lookup.tag(), lookup.added());
        assembly ("memory-safe") {
            at := add(at, 0xe0)
            mstore(at, add(mload(at), spread_))
            at := add(at, 0x20)
            mstore(at, add(mload(at), mul(spread_, tag)))
            if added {
                at := add(at, 0x20)
                mstore(at, add(mload(at), mul(spread_, added)))
            }
        }
    }

    function _addTable(Sides memory sides, Leaves table, Fp3 weight) private pure {
        Sums memory sums = sides.sums;
        Spread weights = spread(weight);
        sums.tables = sums.tables.plus(weights, 1);
        sums.tags = sums.tags.plus(weights, table.tag());
        uint256 n = table.log();
        Fp3 row = sides.rows[n];
        if (table.isSigned()) row = Fp3.wrap(1 << (127 + n)).mulAdd(sides.first[n] - ONE, row);
        sums.inputs = weight.mulAdd(row, sums.inputs);
        sums.numerator = sums.numerator - weight * _column(sides, table.input());
        uint256 output = table.output();
        if (output == 0) return;
        uint256 v = sides.b.columns[output - 1].variables();
        uint256 r = Points.start(sides.claims.rho);
        Fp3 value = _column(sides, output - 1) * Points.index(0, r + 32 * v, n - v);
        sums.outputs = weight.mulAdd(value, sums.outputs);
    }

    /// @dev A lookup's fraction is [in the box] / ([in the bounds] (alpha - tag - beta offset - 1) + 1 - beta in - beta^2 out), a table's
    /// -counts / (alpha - tag - beta in - beta^2 out). What is 0 / 1 adds 1 to the denominator, which is 1 more than that of the others
    /// less 1 each.
    function _fraction(Circuit.Builder memory b, Sums memory sums, Challenges memory challenges)
        private
        pure
        returns (Fp3 numerator, Fp3 denominator)
    {
        Fp3 beta = challenges.beta;
        Fp3 rest = challenges.alpha - ONE;
        numerator = sums.numerator;
        denominator = ONE - beta * sums.inputs - challenges.beta2 * sums.outputs;
        denominator = denominator + rest * sums.tables.joined() - sums.tags.joined();
        for (uint256 i; i < b.boxCount; ++i) {
            Circuit.Box memory box = b.boxes[i];
            Fp3 weights = box.weights.joined();
            numerator = box.inBox.mulAdd(weights, numerator);
            Fp3 known = rest * weights - box.tags.joined() - beta * box.offsets.joined();
            denominator = box.inBounds.mulAdd(known, denominator);
        }
    }

    function _column(Sides memory sides, uint256 column) private pure returns (Fp3) {
        return sides.claims.valueAtRho(sides.b, sides.reader, column);
    }
}
