// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Oracle} from "../../src/Oracle.sol";
import {OperatorRegistry} from "../../src/OperatorRegistry.sol";
import {IModelVerifier} from "../../src/interfaces/IModelVerifier.sol";
import {IOracle} from "../../src/interfaces/IOracle.sol";
import {IProofRegistry} from "../../src/interfaces/IProofRegistry.sol";
import {ToyProofs, UseFixture} from "./UseFixture.sol";

/// prove
/// ├── not answered; a text question; tokens that are not the claim's; a key of another model; no registry → refused
/// ├── a proof for another request, chain, oracle, prompt or answer → refused by the registry
/// └── else → final at once, whatever is disputed; never struck down
contract OracleProofTest is UseFixture {
    bytes private prompt = pack(1, 7, 8);
    bytes private output = pack(9, 10, END_TOKEN);

    function _key() private view returns (IModelVerifier.VerifyingKey memory key) {
        key.modelRoot = models.rootOf(modelId);
    }

    function _proof(bytes32 context) private view returns (bytes memory) {
        return abi.encode(keccak256(abi.encode(_key().modelRoot, context, prompt, output)));
    }

    function test_prove_makesFinalAtOnce() public {
        uint256 id = answered();
        bytes memory proof = _proof(oracle.proofContextOf(id));
        IModelVerifier.VerifyingKey memory key = _key();
        bytes32 claim = liveClaim(id);
        vm.expectEmit(address(oracle));
        emit IOracle.Proven(id, claim, stranger);
        vm.prank(stranger);
        oracle.prove(id, prompt, output, key, proof);
        assertStatus(id, IOracle.Status.Final);
        assertTrue(oracle.isProven(claim));
        (bool struckDown, bool proven) = oracle.fateOf(claim);
        assertTrue(proven && !struckDown);
        assertEq(splitters.splitterOf(modelId, operator).balance, 0.01 ether);
        assertEq(oracle.openFees(), 0);
        assertEq(operators.operatorOf(operator).locked, 0);
        vm.expectRevert(
            abi.encodeWithSelector(IOracle.WrongStatus.selector, id, IOracle.Status.Final)
        );
        oracle.prove(id, prompt, output, key, proof);
    }

    function test_prove_whileDisputed_cannotBeStruckDown() public {
        uint256 id = answered();
        bytes32 claim = liveClaim(id);
        vm.prank(game);
        oracle.hold(id, claim);
        oracle.prove(id, prompt, output, _key(), _proof(oracle.proofContextOf(id)));
        assertStatus(id, IOracle.Status.Final);
        vm.startPrank(game);
        vm.expectRevert(
            abi.encodeWithSelector(IOracle.WrongStatus.selector, id, IOracle.Status.Final)
        );
        oracle.strikeDown(id, claim, challenger);
        oracle.release(id, claim);
        vm.stopPrank();
        assertEq(oracle.liveDisputes(claim), 0);
    }

    function test_prove_onlyWhatWasAnswered() public {
        uint256 id = ask();
        IModelVerifier.VerifyingKey memory key = _key();
        bytes memory proof = _proof(oracle.proofContextOf(id));
        vm.expectRevert(
            abi.encodeWithSelector(IOracle.WrongStatus.selector, id, IOracle.Status.Open)
        );
        oracle.prove(id, prompt, output, key, proof);
        answer(id);
        bytes32 live = liveClaim(id);
        bytes memory other = pack(9, 11, END_TOKEN);
        vm.expectPartialRevert(IOracle.ClaimMismatch.selector);
        oracle.prove(id, prompt, other, key, proof);
        vm.expectPartialRevert(IOracle.ClaimMismatch.selector);
        oracle.prove(id, other, output, key, proof);
        key.modelRoot = keccak256("another");
        vm.expectRevert(
            abi.encodeWithSelector(
                IOracle.WrongModel.selector, id, models.rootOf(modelId), key.modelRoot
            )
        );
        oracle.prove(id, prompt, output, key, proof);
        assertFalse(oracle.isProven(live));
    }

    /// @dev A struck-down claim is open again, and what proved it before would prove it now.
    function test_prove_afterAStrikeDown_isTooLate() public {
        uint256 id = answered();
        bytes memory proof = _proof(oracle.proofContextOf(id));
        IModelVerifier.VerifyingKey memory key = _key();
        strikeDown(id);
        vm.expectRevert(
            abi.encodeWithSelector(IOracle.WrongStatus.selector, id, IOracle.Status.Open)
        );
        oracle.prove(id, prompt, output, key, proof);
    }

    function test_prove_forAnotherRequestChainOrOracle_isRefused() public {
        uint256 id = answered();
        IModelVerifier.VerifyingKey memory key = _key();
        uint256 second = answered();
        bytes memory proof = _proof(oracle.proofContextOf(second));
        vm.expectRevert(ToyProofs.Refused.selector);
        oracle.prove(id, prompt, output, key, proof);
        proof = _proof(keccak256(abi.encode(block.chainid + 1, address(oracle), id)));
        vm.expectRevert(ToyProofs.Refused.selector);
        oracle.prove(id, prompt, output, key, proof);
        proof = _proof(keccak256(abi.encode(block.chainid, address(this), id)));
        vm.expectRevert(ToyProofs.Refused.selector);
        oracle.prove(id, prompt, output, key, proof);
    }

    function test_prove_ofText_isRefused() public {
        uint256 fee = oracle.estimateFee(modelId, 0);
        vm.prank(asker);
        uint256 id = oracle.requestCallback{value: fee}(modelId, "hello", address(0), 0, "");
        IOracle.Answer memory posted = defaultAnswer();
        posted.promptTokens = prompt;
        answer(id, posted);
        IModelVerifier.VerifyingKey memory key = _key();
        bytes memory proof = _proof(oracle.proofContextOf(id));
        vm.expectRevert(abi.encodeWithSelector(IOracle.TextNotProvable.selector, id));
        oracle.prove(id, prompt, output, key, proof);
    }

    function test_prove_withoutARegistry_isRefused() public {
        address predicted = vm.computeCreateAddress(address(this), vm.getNonce(address(this)) + 1);
        operators =
            new OperatorRegistry(address(models), predicted, game, MINIMUM_DEPOSIT, EXIT_DELAY);
        oracle = new Oracle(
            operators, splitters, IProofRegistry(address(0)), game, WINDOW, MINIMUM_BOND
        );
        enrol(operator);
        uint256 id = answered();
        IModelVerifier.VerifyingKey memory key = _key();
        bytes memory proof = _proof(oracle.proofContextOf(id));
        vm.expectRevert(IOracle.NoProofRegistry.selector);
        oracle.prove(id, prompt, output, key, proof);
    }
}
