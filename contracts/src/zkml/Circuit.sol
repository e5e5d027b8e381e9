// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Fp3} from "./Fp3.sol";
import {Points} from "./Points.sol";

/// @title Circuits: columns, tables and lookups
/// @notice The twin of src/imo/zkml/circuit.cpp and circuit_builder.cpp; docs/proof.md, "Circuits", is normative. What holds
/// between columns is in the code of whoever builds a circuit.
library Circuit {
    /// @param variables Of 2^variables elements.
    /// @param blockBits Highest bits of the index that count blocks.
    /// @param blocks Stored; the rest is zero.
    /// @param offset Of the first block in its commitment.
    struct Column {
        uint256 variables;
        uint256 blockBits;
        uint256 blocks;
        uint256 offset;
        bool isRegistered;
    }

    /// @notice Indices below a bound on every axis, from the lowest bits up.
    /// @param isCausal The first two axes are keys and queries, of which those with key <= query count.
    /// @param isLayered The highest axis counts layers.
    /// @param inBounds The polynomial of the bounds, where the sum of fractions ended.
    /// @param inBox The same with the causal rule.
    struct Box {
        uint256[] bits;
        uint256[] bounds;
        bool isCausal;
        bool isLayered;
        uint256 variables;
        Fp3 inBounds;
        Fp3 inBox;
    }

    /// @param tag Tells tables apart.
    /// @param isSigned Row i has in = i - 2^(variables-1), but row 0 that of 0.
    /// @param outs Registered column plus one; zero for none.
    /// @param counts Witness column.
    struct Table {
        uint256 tag;
        uint256 variables;
        bool isSigned;
        uint256 outs;
        uint256 counts;
    }

    /// @param input A column or, with isVirtual, a virtual vector.
    /// @param offset Added to the input.
    /// @param output Column plus one; zero for none.
    struct Lookup {
        uint256 table;
        bool isVirtual;
        uint256 input;
        uint256 offset;
        uint256 output;
        Box box;
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

    struct Builder {
        Column[] columns;
        uint256 columnCount;
        Table[] tables;
        uint256 tableCount;
        Lookup[] lookups;
        uint256 lookupCount;
        Box[] boxes;
        uint256 boxCount;
        uint256 virtualCount;
        uint256[] tableOfTag; // plus one
    }

    uint256 internal constant LIMB_BITS = 16;
    uint256 private constant SIGNED_TAG = 31;
    uint256 private constant TAGS = 34;

    function create() internal pure returns (Builder memory b) {
        // Room for what is still to be made; `new` of structs would make them all.
        uint256[][4] memory room = [_room(160), _room(TAGS), _room(144), _room(24)];
        assembly ("memory-safe") {
            mstore(b, mload(room))
            mstore(add(b, 0x40), mload(add(room, 0x20)))
            mstore(add(b, 0x80), mload(add(room, 0x40)))
            mstore(add(b, 0xc0), mload(add(room, 0x60)))
        }
        b.tableOfTag = new uint256[](TAGS);
    }

    function _room(uint256 count) private pure returns (uint256[] memory) {
        return new uint256[](count);
    }

    // Columns.

    function witness(Builder memory b, Box memory cells) internal pure returns (uint256) {
        if (!cells.isLayered) return _column(b, cells.variables, 0, 1, false);
        uint256 top = cells.bits.length - 1;
        return _column(b, cells.variables, cells.bits[top], cells.bounds[top], false);
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
        return _column(b, variables + layerBits, layerBits, layers, true);
    }

    function _column(
        Builder memory b,
        uint256 variables,
        uint256 blockBits,
        uint256 blocks,
        bool isRegistered
    ) private pure returns (uint256 id) {
        id = b.columnCount++;
        b.columns[id] = Column(variables, blockBits, blocks, 0, isRegistered);
    }

    /// @notice Gives the columns of one commitment their offsets, those of the largest blocks first.
    /// @return variables Of the commitment.
    /// @return end Behind the last column.
    function place(Builder memory b, bool isRegistered)
        internal
        pure
        returns (uint256 variables, uint256 end)
    {
        unchecked {
            uint256[] memory first = new uint256[](64); // by size of block: elements behind the larger ones
            uint256 count = b.columnCount;
            for (uint256 i; i < count; ++i) {
                Column memory column = b.columns[i];
                if (column.isRegistered != isRegistered) continue;
                uint256 v = column.variables - column.blockBits;
                first[v] += column.blocks << v;
            }
            for (uint256 v = 64; v > 0; --v) {
                uint256 size = first[v - 1];
                first[v - 1] = end;
                end += size;
            }
            for (uint256 i; i < count; ++i) {
                Column memory column = b.columns[i];
                if (column.isRegistered != isRegistered) continue;
                uint256 v = column.variables - column.blockBits;
                column.offset = first[v];
                first[v] += column.blocks << v;
            }
            variables = 8;
            while (1 << variables < end) ++variables;
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
        made.columns = new uint256[]((bits + LIMB_BITS - 1) / LIMB_BITS);
        for (uint256 i; i < made.columns.length; ++i) {
            uint256 width = _min(LIMB_BITS, bits - LIMB_BITS * i);
            made.columns[i] = witness(b, cells);
            bool isHighest = i + 1 == made.columns.length;
            _lookUpLimb(b, made.columns[i], false, cells, width, isSigned && isHighest);
        }
    }

    /// @notice A number in [0, 2^bits) in every cell of the box.
    function remainder(Builder memory b, Box memory cells, uint256 bits)
        internal
        pure
        returns (Remainder memory made)
    {
        made.low = b.virtualCount++;
        _lookUpLimb(b, made.low, true, cells, _min(LIMB_BITS, bits), false);
        made.high = new uint256[]((bits - 1) / LIMB_BITS);
        for (uint256 i; i < made.high.length; ++i) {
            made.high[i] = witness(b, cells);
            uint256 width = _min(LIMB_BITS, bits - LIMB_BITS * (i + 1));
            _lookUpLimb(b, made.high[i], false, cells, width, false);
        }
    }

    /// @notice A committed int16 that is not -32768.
    function activation(Builder memory b, Box memory cells) internal pure returns (uint256 id) {
        uint256 table = b.tableOfTag[SIGNED_TAG];
        if (table == 0) table = addTable(b, SIGNED_TAG, LIMB_BITS, true, 0) + 1;
        id = witness(b, cells);
        addLookup(b, table - 1, id, false, 0, 0, cells);
    }

    function _lookUpLimb(
        Builder memory b,
        uint256 input,
        bool isVirtual,
        Box memory cells,
        uint256 width,
        bool isSigned
    ) private pure {
        uint256 table = b.tableOfTag[width];
        if (table == 0) table = addTable(b, width, width, false, 0) + 1;
        uint256 offset = isSigned ? 1 << (width - 1) : 0;
        addLookup(b, table - 1, input, isVirtual, offset, 0, cells);
    }

    /// @param outs Column plus one, zero for none.
    function addTable(Builder memory b, uint256 tag, uint256 variables, bool isSigned, uint256 outs)
        internal
        pure
        returns (uint256 id)
    {
        id = b.tableCount++;
        b.tableOfTag[tag] = id + 1;
        uint256 counts = _column(b, variables, 0, 1, false);
        b.tables[id] = Table(tag, variables, isSigned, outs, counts);
    }

    /// @param output Column plus one, zero for none.
    function addLookup(
        Builder memory b,
        uint256 table,
        uint256 input,
        bool isVirtual,
        uint256 offset,
        uint256 output,
        Box memory cells
    ) internal pure {
        b.lookups[b.lookupCount++] = Lookup(table, isVirtual, input, offset, output, cells);
    }

    function _min(uint256 a, uint256 c) private pure returns (uint256) {
        return a < c ? a : c;
    }
}
