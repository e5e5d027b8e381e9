// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

import {IOperatorRegistry} from "../../src/interfaces/IOperatorRegistry.sol";
import {UseFixture} from "./UseFixture.sol";

/// receiptDigest: EIP-712, every member in it, bound to chain and registry
/// recoverOperator: the operator's signature → the operator; any other → refused by name
contract ReceiptTest is UseFixture {
    function receipt() private view returns (IOperatorRegistry.Receipt memory) {
        return IOperatorRegistry.Receipt({
            modelId: modelId,
            modelRoot: models.rootOf(modelId),
            promptHash: keccak256(pack(1, 7)),
            outputHash: keccak256(pack(9, END_TOKEN)),
            textHash: keccak256("a river"),
            maxTokens: 4,
            sampling: 0,
            operator: operator,
            payer: asker,
            asset: address(0),
            payment: 1e15,
            issuedAt: START,
            nonce: keccak256("nonce")
        });
    }

    function sign(uint256 key, bytes32 digest) private pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    /// @dev The digest by the letter of EIP-712, not by the code under test.
    function digestByTheLetter(IOperatorRegistry.Receipt memory r) private view returns (bytes32) {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256(
                    "EIP712Domain(string name,string version,uint256 chainId,"
                    "address verifyingContract)"
                ),
                keccak256("imo"),
                keccak256("1"),
                block.chainid,
                address(operators)
            )
        );
        bytes32 typeHash = keccak256(
            "Receipt(uint256 modelId,bytes32 modelRoot,bytes32 promptHash,bytes32 outputHash,"
            "bytes32 textHash,uint32 maxTokens,bytes32 sampling,address operator,address payer,"
            "address asset,uint256 payment,uint64 issuedAt,bytes32 nonce)"
        );
        bytes memory head = abi.encode(
            typeHash, r.modelId, r.modelRoot, r.promptHash, r.outputHash, r.textHash, r.maxTokens
        );
        bytes memory tail =
            abi.encode(r.sampling, r.operator, r.payer, r.asset, r.payment, r.issuedAt, r.nonce);
        bytes32 structHash = keccak256(bytes.concat(head, tail));
        return keccak256(abi.encodePacked(hex"1901", domain, structHash));
    }

    function test_digest_isEip712() public view {
        assertEq(operators.receiptDigest(receipt()), digestByTheLetter(receipt()));
    }

    function test_digest_coversEveryMember() public {
        bytes32 digest = operators.receiptDigest(receipt());
        for (uint256 i = 0; i < 13; ++i) {
            IOperatorRegistry.Receipt memory other = receipt();
            assembly {
                let member := add(other, mul(i, 32))
                mstore(member, xor(mload(member), 1))
            }
            assertNotEq(operators.receiptDigest(other), digest);
        }
        vm.chainId(block.chainid + 1);
        assertNotEq(operators.receiptDigest(receipt()), digest, "another chain");
    }

    function test_domain_isReadable() public view {
        (, string memory name, string memory version, uint256 chainId, address where,,) =
            operators.eip712Domain();
        assertEq(name, "imo");
        assertEq(version, "1");
        assertEq(chainId, block.chainid);
        assertEq(where, address(operators));
    }

    function test_recover_theOperator() public view {
        bytes memory signature = sign(operatorKey, digestByTheLetter(receipt()));
        assertEq(operators.recoverOperator(receipt(), signature), operator);
    }

    /// @dev Who gains: whoever would have another operator's deposit stand for his own words.
    function test_recover_otherSigner_reverts() public {
        (address other, uint256 key) = makeAddrAndKey("other");
        IOperatorRegistry.Receipt memory r = receipt();
        bytes memory signature = sign(key, digestByTheLetter(r));
        vm.expectRevert(
            abi.encodeWithSelector(IOperatorRegistry.WrongSigner.selector, operator, other)
        );
        operators.recoverOperator(r, signature);
    }

    function test_recover_changedReceipt_reverts() public {
        bytes memory signature = sign(operatorKey, digestByTheLetter(receipt()));
        IOperatorRegistry.Receipt memory other = receipt();
        other.outputHash = keccak256(pack(11, END_TOKEN));
        vm.expectPartialRevert(IOperatorRegistry.WrongSigner.selector);
        operators.recoverOperator(other, signature);
    }

    function test_recover_malformedSignature_reverts() public {
        IOperatorRegistry.Receipt memory good = receipt();
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(operatorKey, digestByTheLetter(good));
        bytes memory short = new bytes(64);
        vm.expectRevert(abi.encodeWithSelector(ECDSA.ECDSAInvalidSignatureLength.selector, 64));
        operators.recoverOperator(good, short);
        // The mirrored signature of the same key, which would make every receipt two.
        uint256 order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;
        bytes32 mirrored = bytes32(order - uint256(s));
        vm.expectRevert(abi.encodeWithSelector(ECDSA.ECDSAInvalidSignatureS.selector, mirrored));
        operators.recoverOperator(good, abi.encodePacked(r, mirrored, v == 27 ? 28 : 27));
        vm.expectRevert(ECDSA.ECDSAInvalidSignature.selector);
        operators.recoverOperator(good, abi.encodePacked(r, s, uint8(5)));
    }

    function testFuzz_recover_roundTrip(IOperatorRegistry.Receipt memory r, uint256 key) public {
        key = bound(key, 1, 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364140);
        r.operator = vm.addr(key);
        bytes32 digest = operators.receiptDigest(r);
        assertEq(digest, digestByTheLetter(r));
        assertEq(operators.recoverOperator(r, sign(key, digest)), r.operator);
    }
}
