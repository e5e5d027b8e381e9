// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Column, Leaves, columnOf, lookupOf, tableOf} from "./CircuitWords.sol";
import {Fp3} from "./Fp3.sol";
import {Points} from "./Points.sol";
import {Spread} from "./Spread.sol";

/// @title Circuits: columns, tables and lookups
/// @notice The twin of src/imo/zkml/circuit.cpp and circuit_builder.cpp; docs/proof.md, "Circuits", is normative. What holds
/// between columns is in the code of whoever builds a circuit.
library Circuit {
    /// @notice Indices below a bound on every axis, from the lowest bits up.
    /// @param isCausal The first two axes are keys and queries, of which those with key <= query count.
    /// @param isLayered The highest axis counts layers.
    /// @param inBounds The polynomial of the bounds, where the sum of fractions ended.
    /// @param inBox The same with the causal rule.
    /// @param weights What its lookups weigh among the leaves, added up; see Spread.
    /// @param tags The same, each times its table's tag.
    /// @param offsets The same, each times its offset.
    struct Box {
        uint256[] bits;
        uint256[] bounds;
        bool isCausal;
        bool isLayered;
        uint256 variables;
        Fp3 inBounds;
        Fp3 inBox;
        Spread weights;
        Spread tags;
        Spread offsets;
    }

    /// @notice A committed number: columns of 16 bits each, the lowest first.
    struct Limbs {
        uint256[] columns;
    }

    /// @notice A number that is a sum of products: its lowest limb is virtual.
    struct Remainder {
        uint256 low;
        uint256[] high;
    }

    /// @notice Layers of a column of the witness. A block has as many as the greatest power of two that divides them.
    /// @param bits Bits that count blocks.
    /// @param blocks Of which so many are stored.
    struct Layers {
        uint256 bits;
        uint256 blocks;
    }

    /// @param layers What layered columns of the witness have as their blocks.
    /// @param tags A bit for each that has a table.
    struct Builder {
        Column[] columns;
        uint256 columnCount;
        Layers layers;
        Leaves[] lookups;
        uint256 lookupCount;
        Leaves[] tables;
        uint256 tableCount;
        Box[] boxes;
        uint256 boxCount;
        uint256 virtualCount;
        uint256 tags;
    }

    uint256 internal constant LIMB_BITS = 16;
    uint256 private constant SIGNED_TAG = 31;
    uint256 private constant TAGS = 34;
    uint256 private constant SIZES = 64;

    /// @param layers Of the model.
    /// @param layerBits Bits that count them.
    function create(uint256 layers, uint256 layerBits) internal pure returns (Builder memory b) {
        uint256 inBlock;
        while (layers >> inBlock & 1 == 0) ++inBlock;
        b.layers = Layers(layerBits - inBlock, layers >> inBlock);
        b.columns = new Column[](160);
        b.lookups = new Leaves[](144);
        b.tables = new Leaves[](TAGS);
        // Room for what is still to be made; `new` of structs would make them all.
        uint256[] memory room = new uint256[](24);
        Box[] memory boxes;
        assembly ("memory-safe") {
            boxes := room
        }
        b.boxes = boxes;
    }

    // Columns.

    function witness(Builder memory b, Box memory cells) internal pure returns (uint256) {
        if (!cells.isLayered) return _column(b, cells.variables, 0, 1, false);
        Layers memory layers = b.layers;
        unchecked {
            return _column(b, cells.variables - layers.bits, layers.bits, layers.blocks, false);
        }
    }

    function registered(Builder memory b, uint256 variables) internal pure returns (uint256) {
        return _column(b, variables, 0, 1, true);
    }

    /// @notice Of 2^variables elements for each layer.
    function registered(Builder memory b, uint256 variables, uint256 layerBits, uint256 layers)
        internal
        pure
        returns (uint256)
    {
        return _column(b, variables, layerBits, layers, true);
    }

    function _column(
        Builder memory b,
        uint256 blockVariables,
        uint256 blockBits,
        uint256 blocks,
        bool isRegistered
    ) private pure returns (uint256 id) {
        id = b.columnCount;
        b.columns[id] = columnOf(blockVariables, blockBits, blocks, isRegistered);
        unchecked {
            b.columnCount = id + 1;
        }
    }

    /// @notice Gives all columns their offsets, in each commitment those of the largest blocks first.
    /// @return witnessEnd Behind the last column of the witness.
    /// @return registeredEnd The same of the registered model.
    function place(Builder memory b)
        internal
        pure
        returns (uint256 witnessEnd, uint256 registeredEnd)
    {
        uint256[] memory next = _sizes(b);
        uint256 whole = _fillUp(b, next);
        uint256 bits = b.layers.bits;
        witnessEnd = _begin(next, 0);
        registeredEnd = _begin(next, SIZES);
        (Column[] memory columns, uint256 count) = (b.columns, b.columnCount);
        assembly ("memory-safe") {
            // Column by column: its offset is `next` of its size, which grows by what the column stores.
            let at := add(columns, 32)
            for { let end := add(at, shl(5, count)) } lt(at, end) { at := add(at, 32) } {
                let column := mload(at)
                // With bits that count blocks, of the witness, and a block smaller than `whole`: one block.
                if and(eq(and(shr(8, column), 0xffff), bits), lt(and(column, 0xff), whole)) {
                    column := or(add(and(column, 0xff), bits), shl(24, 1))
                }
                let class := or(and(column, 0x3f), and(shr(10, column), 0x40))
                let to := add(add(next, 32), shl(5, class))
                let offset := mload(to)
                mstore(at, or(column, shl(56, offset)))
                let blocks := and(shr(24, column), 0xffffffff)
                mstore(to, add(offset, shl(and(column, 0xff), blocks)))
            }
        }
    }

    /// @dev Elements of columns by size of block, 0 to 63, then the same of registered columns; and then how many columns of the
    /// witness are layered.
    function _sizes(Builder memory b) private pure returns (uint256[] memory sizes) {
        sizes = new uint256[](3 * SIZES);
        (Column[] memory columns, uint256 count) = (b.columns, b.columnCount);
        assembly ("memory-safe") {
            let at := add(columns, 32)
            for { let end := add(at, shl(5, count)) } lt(at, end) { at := add(at, 32) } {
                let column := mload(at)
                let v := and(column, 0x3f)
                let to := add(add(sizes, 32), shl(5, or(v, and(shr(10, column), 0x40))))
                mstore(to, add(mload(to), shl(v, and(shr(24, column), 0xffffffff))))
                // Bits that count blocks, of a column that is not registered.
                let bits := and(shr(8, column), 0xffff)
                if and(gt(bits, 0), lt(bits, 0x100)) {
                    to := add(add(sizes, 0x1020), shl(5, v))
                    mstore(to, add(mload(to), 1))
                }
            }
        }
    }

    /// @dev Columns of the witness are stored whole, zeros behind their blocks, as far as its power of two has room: a claim on one
    /// block is cheaper to check than one on several. The smallest columns come first, those of a size all or none of them.
    /// @param sizes As _sizes() gives them; those of columns that become whole move.
    /// @return whole Variables of a block: columns with fewer are whole.
    function _fillUp(Builder memory b, uint256[] memory sizes)
        private
        pure
        returns (uint256 whole)
    {
        (uint256 bits, uint256 blocks) = (b.layers.bits, b.layers.blocks);
        unchecked {
            uint256 stored;
            assembly ("memory-safe") {
                for { let at := add(sizes, 0x800) } gt(at, sizes) { at := sub(at, 32) } {
                    stored := add(stored, mload(at))
                }
            }
            uint256 room = (1 << variablesFor(stored)) - stored;
            for (; whole < SIZES; ++whole) {
                uint256 count;
                assembly ("memory-safe") {
                    count := mload(add(add(sizes, 0x1020), shl(5, whole)))
                }
                if (count == 0) continue;
                uint256 missing = count * ((1 << bits) - blocks) << whole;
                if (missing > room) break;
                room -= missing;
                sizes[whole] -= count * blocks << whole;
                sizes[whole + bits] += count << (whole + bits);
            }
        }
    }

    /// @dev From how much there is of each size to where it begins, the largest first.
    function _begin(uint256[] memory sizes, uint256 first) private pure returns (uint256 end) {
        assembly ("memory-safe") {
            let smallest := add(sizes, shl(5, add(first, 1)))
            for { let at := add(smallest, 0x7e0) } iszero(lt(at, smallest)) { at := sub(at, 32) } {
                let size := mload(at)
                mstore(at, end)
                end := add(end, size)
            }
        }
    }

    /// @notice Of a commitment to so many elements.
    function variablesFor(uint256 end) internal pure returns (uint256 variables) {
        variables = 8;
        unchecked {
            while (1 << variables < end) ++variables;
        }
    }

    // Codes: a longer one means fewer queries.

    /// @return Logarithm of the inverse rate.
    function witnessRate(uint256 variables) internal pure returns (uint256) {
        return _rate(variables, 25, 3, 5);
    }

    /// @return The same of the registered model's code, which is made once and kept.
    function registeredRate(uint256 variables) internal pure returns (uint256) {
        return _rate(variables, 31, 5, 7);
    }

    /// @param variables Of the larger commitment.
    /// @return The same of the code after the first folds.
    function foldedRate(uint256 variables) internal pure returns (uint256) {
        return _rate(variables, 27, 4, 6);
    }

    /// @dev The rate with which a code of 2^variables elements is 2^length long, between two bounds.
    function _rate(uint256 variables, uint256 length, uint256 least, uint256 most)
        private
        pure
        returns (uint256)
    {
        unchecked {
            if (variables + least >= length) return least;
            return _min(length - variables, most);
        }
    }

    // Boxes.

    function box(Builder memory b, uint256[] memory bits, uint256[] memory bounds)
        internal
        pure
        returns (Box memory made)
    {
        b.boxes[b.boxCount++] = made;
        made.bits = bits;
        made.bounds = bounds;
        for (uint256 i; i < bits.length; ++i) {
            made.variables += bits[i];
        }
    }

    /// @notice Evaluates every box at the point `r`.
    function evaluateBoxes(Builder memory b, uint256 r) internal pure {
        for (uint256 i; i < b.boxCount; ++i) {
            Box memory made = b.boxes[i];
            uint256 bits = made.bits[0];
            uint256 at = r;
            if (made.isCausal) {
                Fp3 query = Points.below(made.bounds[1], r + 32 * bits, bits);
                made.inBounds = Points.below(made.bounds[0], r, bits) * query;
                made.inBox = Points.causalBelow(made.bounds[1], r, r + 32 * bits, bits);
                at += 64 * bits;
            } else {
                made.inBounds = Points.below(made.bounds[0], r, bits);
                made.inBox = made.inBounds;
                at += 32 * bits;
            }
            for (uint256 axis = made.isCausal ? 2 : 1; axis < made.bits.length; ++axis) {
                Fp3 inAxis = Points.below(made.bounds[axis], at, made.bits[axis]);
                made.inBounds = made.inBounds * inAxis;
                made.inBox = made.inBox * inAxis;
                at += 32 * made.bits[axis];
            }
        }
    }

    // Lookups.

    /// @notice A committed number of `bits` bits in every cell of the box.
    function limbs(Builder memory b, Box memory cells, uint256 bits, bool isSigned)
        internal
        pure
        returns (Limbs memory made)
    {
        unchecked {
            uint256[] memory columns = new uint256[]((bits + LIMB_BITS - 1) / LIMB_BITS);
            made.columns = columns;
            for (uint256 i; i < columns.length; ++i) {
                bool isHighest = i + 1 == columns.length;
                uint256 width = isHighest ? bits - LIMB_BITS * i : LIMB_BITS;
                uint256 column = witness(b, cells);
                columns[i] = column;
                _lookUpLimb(b, column, false, cells, width, isSigned && isHighest);
            }
        }
    }

    /// @notice A number in [0, 2^bits) in every cell of the box.
    function remainder(Builder memory b, Box memory cells, uint256 bits)
        internal
        pure
        returns (Remainder memory made)
    {
        unchecked {
            uint256 low = b.virtualCount;
            b.virtualCount = low + 1;
            made.low = low;
            _lookUpLimb(b, low, true, cells, _min(LIMB_BITS, bits), false);
            uint256[] memory high = new uint256[]((bits - 1) / LIMB_BITS);
            made.high = high;
            for (uint256 i; i < high.length; ++i) {
                uint256 width = _min(LIMB_BITS, bits - LIMB_BITS * (i + 1));
                uint256 column = witness(b, cells);
                high[i] = column;
                _lookUpLimb(b, column, false, cells, width, false);
            }
        }
    }

    /// @notice A committed int16 that is not -32768.
    function activation(Builder memory b, Box memory cells) internal pure returns (uint256 id) {
        if (!_hasTable(b, SIGNED_TAG)) addTable(b, SIGNED_TAG, LIMB_BITS, true, 0);
        id = witness(b, cells);
        addLookup(b, lookupOf(SIGNED_TAG, id, false, 0, 0, cells));
    }

    function _lookUpLimb(
        Builder memory b,
        uint256 input,
        bool isVirtual,
        Box memory cells,
        uint256 width,
        bool isSigned
    ) private pure {
        if (!_hasTable(b, width)) addTable(b, width, width, false, 0);
        addLookup(b, lookupOf(width, input, isVirtual, isSigned ? width : 0, 0, cells));
    }

    function _hasTable(Builder memory b, uint256 tag) private pure returns (bool) {
        return b.tags >> tag & 1 == 1;
    }

    /// @param outs Column plus one, zero for none.
    function addTable(Builder memory b, uint256 tag, uint256 variables, bool isSigned, uint256 outs)
        internal
        pure
    {
        b.tags |= 1 << tag;
        uint256 counts = _column(b, variables, 0, 1, false);
        b.tables[b.tableCount++] = tableOf(tag, variables, isSigned, outs, counts);
    }

    function addLookup(Builder memory b, Leaves lookup) internal pure {
        uint256 count = b.lookupCount;
        b.lookups[count] = lookup;
        unchecked {
            b.lookupCount = count + 1;
        }
    }

    function _min(uint256 a, uint256 c) private pure returns (uint256) {
        return a < c ? a : c;
    }
}
