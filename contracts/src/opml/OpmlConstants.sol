// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title The numbers of traces and steps
/// @notice Written by imo-opml-constants from src/imo/model and src/imo/opml.
library OpmlConstants {
    uint256 internal constant LEAF_BYTES = 256;
    uint256 internal constant ROUND_BITS = 5;
    uint256 internal constant GROUP_BITS = 3;
    uint256 internal constant SUM_COLUMNS = 256;
    uint256 internal constant SUM_BYTES = 5;
    uint256 internal constant MAX_POSITIONS = 16384;
    uint256 internal constant ROW_LEAF_BITS = 9;
    bytes32 internal constant MODEL_TAG =
        0xac67738aa0f77787ea3e7b28a406151a514fa3ebc70765b701639b056db04346;

    // Operators.
    uint256 internal constant EMBED = 1;
    uint256 internal constant NARROW = 2;
    uint256 internal constant SUM_SQUARES = 3;
    uint256 internal constant ROOT = 4;
    uint256 internal constant RECIPROCAL = 5;
    uint256 internal constant SCALE = 6;
    uint256 internal constant MAT_MUL = 7;
    uint256 internal constant ADD = 8;
    uint256 internal constant ROPE = 9;
    uint256 internal constant SCORES = 10;
    uint256 internal constant ROW_MAX = 11;
    uint256 internal constant EXP = 12;
    uint256 internal constant ROW_SUM = 13;
    uint256 internal constant MIX = 14;
    uint256 internal constant ACTIVATION = 15;
    uint256 internal constant MULTIPLY = 16;
    uint256 internal constant BLOCK_MAX = 17;
    uint256 internal constant ARGMAX = 18;

    // Types of elements, and of tables.
    uint256 internal constant INT16 = 1;
    uint256 internal constant INT32 = 2;
    uint256 internal constant INT64 = 3;
    uint256 internal constant ROPE_TABLE = 1;
    uint256 internal constant EXP_TABLE = 2;
    uint256 internal constant SILU_TABLE = 3;

    // Offsets in a descriptor, and its size.
    uint256 internal constant AT_KIND = 0;
    uint256 internal constant AT_BITS = 2;
    uint256 internal constant AT_SHIFT = 3;
    uint256 internal constant AT_PAIRING = 5;
    uint256 internal constant AT_INPUTS = 8;
    uint256 internal constant AT_TENSOR = 16;
    uint256 internal constant AT_TABLE = 20;
    uint256 internal constant AT_WIDTH = 24;
    uint256 internal constant AT_GROUPS = 28;
    uint256 internal constant AT_KV_GROUPS = 32;
    uint256 internal constant AT_MULTIPLIER = 36;
    uint256 internal constant AT_ROTATED = 40;
    uint256 internal constant AT_CONSTANT = 48;
    uint256 internal constant DESCRIPTOR_BYTES = 64;

    // Bounds that a step checks; see src/imo/model/operators.hpp.
    uint256 internal constant RESIDUAL_BITS = 31;
    uint256 internal constant MAX_SHIFT = 62;
    uint256 internal constant MAX_COLUMNS = 16384;
    uint256 internal constant ACCUMULATOR_MAX = 68719476735;
    uint256 internal constant ROW_MULTIPLIER_MAX = 16777215;
    uint256 internal constant RESCALE_BITS = 60;
    uint256 internal constant ROPE_FRACTION = 14;
    uint256 internal constant ACTIVATION_BITS = 15;
    uint256 internal constant NARROW_BITS = 19;
    uint256 internal constant SCORE_BITS = 23;
    uint256 internal constant ACTIVATION_MAX = 32767;
    uint256 internal constant NORM_RECIPROCAL = 40;
    uint256 internal constant SOFTMAX_RECIPROCAL = 44;
    uint256 internal constant INTERLEAVED = 0;
    uint256 internal constant HALF_SPLIT = 1;
    uint256 internal constant EXP_ENTRIES = 65536;
    uint256 internal constant ACTIVATION_ENTRIES = 65536;
    uint256 internal constant ARGMAX_BLOCK = 256;
    bytes32 internal constant EXP_TABLE_ROOT =
        0xe13a7f04071b8ff821ad8f3e2edf75d44680a4802b13700c63a3c7a8a73e8376;
}
