// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IModelVerifier} from "../interfaces/IModelVerifier.sol";
import {IRegistrationVerifier} from "../interfaces/IRegistrationVerifier.sol";
import {IStepVerifier} from "../interfaces/IStepVerifier.sol";
import {OpmlConstants as K} from "../opml/OpmlConstants.sol";
import {TraceLayout} from "../opml/TraceLayout.sol";
import {Witness} from "../opml/Witness.sol";
import {Fp3, ONE, fp3, isCanonical} from "./Fp3.sol";
import {ModelCircuit} from "./ModelCircuit.sol";
import {ModelProgram} from "./ModelProgram.sol";
import {ModelShape} from "./ModelShape.sol";
import {RegisteredCells} from "./RegisteredCells.sol";
import {WhirBinding} from "./WhirBinding.sol";

/// @title RegistrationVerifier
/// @notice See IRegistrationVerifier. No state, no owner.
contract RegistrationVerifier is IRegistrationVerifier {
    using Witness for Witness.Reader;

    /// @dev The largest sum of a row, scaled, stays below it, so that no equation of the circuit wraps.
    uint256 private constant PRODUCT_MAX = 1 << 61;

    /// @inheritdoc IRegistrationVerifier
    function keyIdOf(IModelVerifier.VerifyingKey calldata key) external pure returns (bytes32) {
        return keccak256(
            abi.encodePacked(key.modelRoot, key.weightsRoot, key.bindingValue, keccak256(key.shape))
        );
    }

    /// @inheritdoc IRegistrationVerifier
    function checkKey(
        IModelVerifier.VerifyingKey calldata key,
        IStepVerifier.ModelOpening calldata model
    ) external pure returns (uint256 variables) {
        if (!isCanonical(uint192(key.bindingValue))) {
            revert WrongProgram();
        }
        ModelCircuit.Model memory m;
        m.shape = _shape(key, model);
        return ModelCircuit.buildRegistered(m);
    }

    /// @inheritdoc IRegistrationVerifier
    function isRight(
        IModelVerifier.VerifyingKey calldata key,
        IStepVerifier.ModelOpening calldata model,
        Part part,
        uint256 index,
        uint256 row,
        bytes calldata witness
    ) external pure returns (bool right) {
        ModelShape.Shape memory shape = _shape(key, model);
        Witness.Reader memory reader = _reader(model, witness);
        if (part == Part.Operator) {
            right = _isOperatorRight(shape, reader, index);
        } else if (part == Part.Tensor) {
            right = _isTensorRight(shape, reader, index);
        } else if (part == Part.Row) {
            right = _isRowRight(shape, reader, index, row);
        } else {
            right = _isTableRight(shape, reader, index);
        }
        reader.finish(_offset(witness));
    }

    /// @inheritdoc IRegistrationVerifier
    function termOf(
        IModelVerifier.VerifyingKey calldata key,
        IStepVerifier.ModelOpening calldata model,
        uint256 cell,
        bytes calldata witness
    ) external pure returns (bytes24 term) {
        ModelCircuit.Model memory m;
        m.shape = _shape(key, model);
        uint256 count = 1 << ModelCircuit.buildRegistered(m);
        if (cell >= count) revert CellOutOfRange(cell, count);
        Witness.Reader memory reader = _reader(model, witness);
        uint256 element = RegisteredCells.valueOf(m, reader, cell);
        reader.finish(_offset(witness));
        Fp3 point =
        WhirBinding.registered(
            key.modelRoot, key.weightsRoot, keccak256(key.shape), key.bindingValue
        )
        .point;
        return bytes24(uint192(Fp3.unwrap(_power(point, cell) * fp3(element, 0, 0))));
    }

    function _isOperatorRight(
        ModelShape.Shape memory shape,
        Witness.Reader memory reader,
        uint256 index
    ) private pure returns (bool) {
        _checkIndex(index, reader.model.operatorCount);
        uint256 at = reader.descriptor(index);
        uint256 shift = TraceLayout.field(at, K.AT_SHIFT, 1);
        if (index == 0 && (shift == 0 || shift > K.MAX_SHIFT)) return false;
        uint256 high = TraceLayout.field(at, 0, 32);
        return ModelProgram.isExpected(shape, index, high, TraceLayout.field(at, 32, 32));
    }

    function _isTensorRight(
        ModelShape.Shape memory shape,
        Witness.Reader memory reader,
        uint256 index
    ) private pure returns (bool) {
        uint256 header = reader.weightTensor(index);
        (uint256 rows, uint256 columns) = ModelProgram.tensorSize(shape, index);
        return TraceLayout.field(header, 0, 4) == rows && TraceLayout.field(header, 4, 4) == columns;
    }

    /// @dev Operator 0 alone reads tensor 0, and takes no sums of it.
    function _isRowRight(
        ModelShape.Shape memory shape,
        Witness.Reader memory reader,
        uint256 tensor,
        uint256 index
    ) private pure returns (bool) {
        Witness.Row memory row = reader.weights(tensor, index);
        if (row.bias != 0 && !ModelProgram.mayHaveBias(shape, tensor)) return false;
        if (tensor == 0) return true;
        uint256 most = row.bias < 0 ? uint256(-row.bias) : uint256(row.bias);
        for (uint256 i; i < row.columns; ++i) {
            int256 weight = Witness.load(row.at + i, 1);
            most += K.ACTIVATION_MAX * uint256(weight < 0 ? -weight : weight);
        }
        uint256 factor = ModelProgram.factorOf(shape, tensor);
        return most * uint256(row.multiplier) * factor < PRODUCT_MAX;
    }

    /// @dev A circuit relies on a table of exp that falls to zero and stays there: there is one such.
    function _isTableRight(
        ModelShape.Shape memory shape,
        Witness.Reader memory reader,
        uint256 index
    ) private pure returns (bool) {
        uint256 header = reader.tableHeader(index);
        (uint256 kind, uint256 entries) = ModelProgram.tableOf(shape, index);
        if (TraceLayout.field(header, 0, 1) != kind) return false;
        if (TraceLayout.field(header, 2, 4) != entries) return false;
        return index != ModelProgram.EXP_TABLE
            || bytes32(TraceLayout.field(header, 6, 32)) == K.EXP_TABLE_ROOT;
    }

    function _shape(
        IModelVerifier.VerifyingKey calldata key,
        IStepVerifier.ModelOpening calldata model
    ) private pure returns (ModelShape.Shape memory shape) {
        Witness.checkModel(key.modelRoot, model);
        shape = ModelShape.decode(key.shape);
        bool isIts = model.operatorCount == ModelProgram.operatorCount(shape)
            && model.tensorCount == ModelProgram.tensorCount(shape)
            && model.tableCount == ModelProgram.TABLE_COUNT
            && model.vocabularySize == shape.vocabulary && model.contextLength == shape.context
            && model.endToken == shape.endToken
            && model.layersAndTail == (shape.layers << 32 | ModelProgram.tail(shape));
        if (!isIts) revert WrongProgram();
    }

    function _reader(IStepVerifier.ModelOpening calldata model, bytes calldata witness)
        private
        pure
        returns (Witness.Reader memory reader)
    {
        reader.model = model;
        reader.at = _offset(witness);
        reader.end = reader.at + witness.length;
    }

    function _offset(bytes calldata data) private pure returns (uint256 offset) {
        assembly ("memory-safe") {
            offset := data.offset
        }
    }

    function _checkIndex(uint256 index, uint256 count) private pure {
        if (index >= count) revert PartOutOfRange(index, count);
    }

    function _power(Fp3 base, uint256 exponent) private pure returns (Fp3 power) {
        power = ONE;
        for (; exponent != 0; exponent >>= 1) {
            if (exponent & 1 == 1) power = power * base;
            base = base * base;
        }
    }
}
