// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IRegistrationVerifier} from "../interfaces/IRegistrationVerifier.sol";
import {OpmlConstants as K} from "../opml/OpmlConstants.sol";
import {Steps} from "../opml/Steps.sol";
import {TraceLayout} from "../opml/TraceLayout.sol";
import {Witness} from "../opml/Witness.sol";
import {Column} from "./CircuitWords.sol";
import {Goldilocks} from "./Goldilocks.sol";
import {ModelCircuit} from "./ModelCircuit.sol";
import {ModelProgram} from "./ModelProgram.sol";
import {ModelShape} from "./ModelShape.sol";

/// @title What the registered vector of a model must be, cell by cell
/// @notice The twin of src/imo/zkml/registered_cell.cpp. A cell is zero, or follows from one row of weights or one entry of a
/// table, which the witness opens against the model's root: operator 0 and a row for the embedding (sections O and W
/// of docs/dispute.md), a row for a matrix (W), an entry for a table (T).
library RegisteredCells {
    using Witness for Witness.Reader;

    /// @dev A place between cells, behind the end of a row, or behind the last column.
    uint256 private constant NOWHERE = type(uint256).max;

    /// @notice The element of F_p in `cell`, which the vector has.
    function valueOf(ModelCircuit.Model memory m, Witness.Reader memory reader, uint256 cell)
        internal
        pure
        returns (uint256)
    {
        (uint256 id, uint256 index) = _columnOf(m, cell);
        if (id == NOWHERE) return 0;
        ModelCircuit.Registered memory r = m.registered;
        if (id == r.embedding) return _embedding(m, reader, index);
        if (id == r.logits) {
            return _matrix(m, reader, ModelProgram.tensorCount(m.shape) - 1, index);
        }
        if (id == r.cosines) return _angle(m, reader, index, 0);
        if (id == r.sines) return _angle(m, reader, index, 1);
        if (id == r.exp) return _entry(m, reader, ModelProgram.EXP_TABLE, index);
        if (id == r.gate) {
            // Row 0 would be that of -32768, which no activation is: it repeats the row of 0.
            uint256 entry = index == 0 ? K.ACTIVATION_ENTRIES / 2 : index;
            return _entry(m, reader, ModelProgram.GATE_TABLE, entry);
        }
        uint256 bits = m.circuit.columns[id].blockVariables();
        (uint256 layer, uint256 inLayer) = (index >> bits, index & ((1 << bits) - 1));
        for (uint256 matrix;; ++matrix) {
            uint256 tensor = ModelProgram.tensorOf(layer, matrix);
            if (id == r.matrices[matrix]) return _matrix(m, reader, tensor, inLayer);
            if (m.shape.hasBiases && matrix <= ModelShape.VALUE && id == r.biases[matrix]) {
                return _bias(m, reader, tensor, inLayer);
            }
        }
    }

    /// @dev The column that has `cell`, and where in it.
    function _columnOf(ModelCircuit.Model memory m, uint256 cell)
        private
        pure
        returns (uint256 id, uint256 index)
    {
        for (; id < m.circuit.columnCount; ++id) {
            Column column = m.circuit.columns[id];
            uint256 offset = column.offset();
            if (cell >= offset && cell - offset < column.size()) return (id, cell - offset);
        }
        return (NOWHERE, 0);
    }

    function _embedding(ModelCircuit.Model memory m, Witness.Reader memory reader, uint256 index)
        private
        pure
        returns (uint256)
    {
        uint256 token = index >> m.bits.feature;
        uint256 feature = index & ((1 << m.bits.feature) - 1);
        if (token >= m.shape.vocabulary || feature >= m.shape.embedding) return 0;
        uint256 shift = TraceLayout.field(reader.descriptor(0), K.AT_SHIFT, 1);
        Witness.Row memory row = _row(m, reader, 0, token);
        if (shift == 0 || shift > K.MAX_SHIFT) revert IRegistrationVerifier.WrongTensor(0);
        int256 value = _weight(row, feature) * row.multiplier;
        return _fromSigned(Steps.rescaled(value, shift, K.RESIDUAL_BITS));
    }

    function _matrix(
        ModelCircuit.Model memory m,
        Witness.Reader memory reader,
        uint256 tensor,
        uint256 index
    ) private pure returns (uint256) {
        (uint256 row, uint256 column) = _placeInMatrix(m, tensor, index);
        (uint256 rows, uint256 columns) = ModelProgram.tensorSize(m.shape, tensor);
        if (row >= rows || column >= columns) return 0;
        Witness.Row memory opened = _row(m, reader, tensor, row);
        return _scaled(m, tensor, opened, _weight(opened, column));
    }

    function _bias(
        ModelCircuit.Model memory m,
        Witness.Reader memory reader,
        uint256 tensor,
        uint256 index
    ) private pure returns (uint256) {
        uint256 row = _elementAt(m, index, _matrixOf(tensor) != ModelShape.VALUE);
        (uint256 rows,) = ModelProgram.tensorSize(m.shape, tensor);
        if (row >= rows) return 0;
        Witness.Row memory opened = _row(m, reader, tensor, row);
        return _scaled(m, tensor, opened, opened.bias);
    }

    /// @dev Row and column of a cell of a matrix; NOWHERE where a head ends before its cells do.
    function _placeInMatrix(ModelCircuit.Model memory m, uint256 tensor, uint256 index)
        private
        pure
        returns (uint256 row, uint256 column)
    {
        uint256 matrix = _matrixOf(tensor);
        bool isLogits = tensor + 1 == ModelProgram.tensorCount(m.shape);
        uint256 bits = m.bits.feature;
        if (!isLogits && matrix == ModelShape.OUTPUT) bits = m.bits.head + m.bits.heads;
        if (!isLogits && matrix == ModelShape.DOWN) bits = m.bits.feedForward;
        (row, column) = (index >> bits, index & ((1 << bits) - 1));
        if (isLogits) return (row, column);
        if (matrix <= ModelShape.VALUE) row = _elementAt(m, row, matrix != ModelShape.VALUE);
        if (matrix == ModelShape.OUTPUT) column = _elementAt(m, column, false);
    }

    function _matrixOf(uint256 tensor) private pure returns (uint256) {
        return (tensor - 1) % ModelProgram.MATRICES;
    }

    /// @dev The inverse of ModelShape::head_cell: the element of all heads that is in a cell.
    function _elementAt(ModelCircuit.Model memory m, uint256 cell, bool isTurned)
        private
        pure
        returns (uint256)
    {
        uint256 head = m.shape.head;
        uint256 element = cell & ((1 << m.bits.head) - 1);
        if (element >= head) return NOWHERE;
        if (isTurned && m.shape.isHalfSplit) element = element / 2 + (element & 1) * (head / 2);
        return (cell >> m.bits.head) * head + element;
    }

    function _angle(
        ModelCircuit.Model memory m,
        Witness.Reader memory reader,
        uint256 index,
        uint256 isSine
    ) private pure returns (uint256) {
        uint256 pairs = m.shape.head / 2;
        uint256 bits = m.bits.head - 1;
        (uint256 position, uint256 pair) = (index >> bits, index & ((1 << bits) - 1));
        if (position >= m.shape.context || pair >= pairs) return 0;
        uint256 entry = 2 * (position * pairs + pair) + isSine;
        return _entry(m, reader, ModelProgram.ROPE_TABLE, entry);
    }

    function _entry(
        ModelCircuit.Model memory m,
        Witness.Reader memory reader,
        uint256 table,
        uint256 entry
    ) private pure returns (uint256) {
        (uint256 kind,) = ModelProgram.tableOf(m.shape, table);
        Witness.Values memory values = reader.entries(0, table, kind, entry, 1);
        return _fromSigned(Witness.get(values, 0));
    }

    /// @dev Reverts where the tensor is none of the shape's, which IRegistrationVerifier.isRight tells.
    function _row(
        ModelCircuit.Model memory m,
        Witness.Reader memory reader,
        uint256 tensor,
        uint256 row
    ) private pure returns (Witness.Row memory opened) {
        opened = reader.weights(tensor, row);
        (, uint256 columns) = ModelProgram.tensorSize(m.shape, tensor);
        if (opened.columns != columns) revert IRegistrationVerifier.WrongTensor(tensor);
    }

    function _weight(Witness.Row memory row, uint256 column) private pure returns (int256) {
        return Witness.load(row.at + column, 1);
    }

    function _scaled(
        ModelCircuit.Model memory m,
        uint256 tensor,
        Witness.Row memory row,
        int256 value
    ) private pure returns (uint256) {
        return _fromSigned(value * row.multiplier * int256(ModelProgram.factorOf(m.shape, tensor)));
    }

    /// @dev Of a number under 2^200.
    function _fromSigned(int256 value) private pure returns (uint256) {
        int256 modulus = int256(Goldilocks.MODULUS);
        int256 rest = value % modulus;
        return uint256(rest < 0 ? rest + modulus : rest);
    }
}
