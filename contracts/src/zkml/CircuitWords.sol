// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Circuit} from "./Circuit.sol";

/// @notice A column, in a word: a circuit has more than a hundred, and a struct would cost memory for each.
/// @dev From the lowest bits: variables of a block (8); bits that count blocks (8); whether it is registered (8); blocks stored (32),
/// the rest is zero; offset of the first block in its commitment.
type Column is uint256;

using {variables, blockVariables, blockBits, blocks, size, offset, isRegistered} for Column global;

function columnOf(uint256 blockVariables_, uint256 bits, uint256 blocks_, bool isRegistered_)
    pure
    returns (Column)
{
    uint256 word = blockVariables_ | bits << 8 | blocks_ << 24;
    return Column.wrap(isRegistered_ ? word | 1 << 16 : word);
}

/// @notice Of 2^variables elements.
function variables(Column column) pure returns (uint256) {
    unchecked {
        return blockVariables(column) + blockBits(column);
    }
}

function blockVariables(Column column) pure returns (uint256) {
    return Column.unwrap(column) & 0xff;
}

/// @notice Highest bits of the index that count blocks.
function blockBits(Column column) pure returns (uint256) {
    return Column.unwrap(column) >> 8 & 0xff;
}

function isRegistered(Column column) pure returns (bool) {
    return Column.unwrap(column) >> 16 & 1 == 1;
}

function blocks(Column column) pure returns (uint256) {
    return Column.unwrap(column) >> 24 & 0xffffffff;
}

/// @notice Elements stored.
function size(Column column) pure returns (uint256) {
    return blocks(column) << blockVariables(column);
}

function offset(Column column) pure returns (uint256) {
    return Column.unwrap(column) >> 56;
}

/// @notice What a run of leaves of the sum of fractions is, in a word. A lookup: every cell of a vector within a box, plus an offset,
/// is in a table, beside the cell of a second vector where the table has outputs. Or a table.
/// @dev From the lowest bits: variables (8); the table's tag (8); the input, a column or virtual vector, or a table's counts (16);
/// whether the input is virtual, or the table signed (8); bits of a signed input, or zero (8); output, a column plus one, or zero
/// (16); where a lookup's box is in memory, or zero for a table.
type Leaves is uint256;

using {log, tag, input, isVirtual, isSigned, added, output, box, isTable} for Leaves global;

function lookupOf(
    uint256 tag_,
    uint256 input_,
    bool isVirtual_,
    uint256 signBits,
    uint256 output_,
    Circuit.Box memory box_
) pure returns (Leaves) {
    uint256 word =
        box_.variables | tag_ << 8 | input_ << 16 | signBits << 40 | output_ << 48;
    if (isVirtual_) word |= 1 << 32;
    assembly ("memory-safe") {
        word := or(word, shl(64, box_))
    }
    return Leaves.wrap(word);
}

/// @param isSigned_ Row i has in = i - 2^(variables - 1), but row 0 that of 0.
/// @param outs Registered column plus one; zero for none.
/// @param counts Witness column.
function tableOf(uint256 tag_, uint256 variables_, bool isSigned_, uint256 outs, uint256 counts)
    pure
    returns (Leaves)
{
    uint256 word = variables_ | tag_ << 8 | counts << 16 | outs << 48;
    return Leaves.wrap(isSigned_ ? word | 1 << 32 : word);
}

/// @notice There are 2^log.
function log(Leaves leaves) pure returns (uint256) {
    return Leaves.unwrap(leaves) & 0xff;
}

function tag(Leaves leaves) pure returns (uint256) {
    return Leaves.unwrap(leaves) >> 8 & 0xff;
}

function input(Leaves leaves) pure returns (uint256) {
    return Leaves.unwrap(leaves) >> 16 & 0xffff;
}

function isVirtual(Leaves leaves) pure returns (bool) {
    return Leaves.unwrap(leaves) >> 32 & 1 == 1;
}

function isSigned(Leaves leaves) pure returns (bool) {
    return Leaves.unwrap(leaves) >> 32 & 1 == 1;
}

/// @notice What is added to a lookup's input: half the numbers that have the bits of a signed one.
function added(Leaves leaves) pure returns (uint256) {
    return 1 << (Leaves.unwrap(leaves) >> 40 & 0xff) >> 1;
}

/// @notice Column plus one; zero for none.
function output(Leaves leaves) pure returns (uint256) {
    return Leaves.unwrap(leaves) >> 48 & 0xffff;
}

function isTable(Leaves leaves) pure returns (bool) {
    return Leaves.unwrap(leaves) >> 64 == 0;
}

/// @notice Where the Circuit.Box of a lookup is in memory.
function box(Leaves leaves) pure returns (uint256) {
    return Leaves.unwrap(leaves) >> 64;
}
