// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";

import {IModelRegistry} from "../../src/interfaces/IModelRegistry.sol";
import {ModelRegistry} from "../../src/ModelRegistry.sol";

contract ModelRegistryTest is Test {
    ModelRegistry private registry;
    address private author = makeAddr("author");
    address private binder = makeAddr("binder");

    function setUp() public {
        registry = new ModelRegistry();
    }

    function test_register_storesEverything() public {
        uint256 parent = register(statement("parent"));
        IModelRegistry.Registration memory given = withParent(statement("child"), parent, 700);
        vm.expectEmit();
        emit IModelRegistry.ModelRegistered(idOf(given), author, given.modelRoot, given);
        uint256 id = register(given);

        assertEq(id, uint256(keccak256(abi.encode(author, given.modelRoot, given.salt))));
        IModelRegistry.Model memory model = registry.modelOf(id);
        assertEq(abi.encode(model.registration), abi.encode(given));
        assertEq(model.author, author);
        assertEq(model.token, address(0));
        assertEq(model.registeredAt, block.timestamp);
        assertEq(registry.modelCount(), 2);
        assertEq(registry.modelIdAt(1), id);
    }

    function test_views_agreeWithModelOf() public {
        uint256 parent = register(statement("parent"));
        uint256 id = register(withParent(statement("child"), parent, 700));
        assertTrue(registry.exists(id));
        assertEq(registry.authorOf(id), author);
        assertEq(registry.rootOf(id), registry.modelOf(id).registration.modelRoot);
        (uint16 operatorBps, IModelRegistry.Parent[] memory parents) = registry.sharesOf(id);
        assertEq(operatorBps, 2_000);
        assertEq(parents.length, 1);
        assertEq(parents[0].modelId, parent);
        assertEq(parents[0].bps, 700);
        (uint32 context, uint32 vocabulary, uint32 end) = registry.limitsOf(id);
        assertEq(context, 512);
        assertEq(vocabulary, 1_000);
        assertEq(end, 2);
    }

    function test_register_sameRootOfAnotherAuthor_isAnotherModel() public {
        uint256 id = register(statement("a"));
        vm.prank(binder);
        uint256 other = registry.register(statement("a"));
        assertNotEq(id, other);
    }

    function test_register_twice_reverts() public {
        uint256 id = register(statement("a"));
        expect(abi.encodeWithSelector(IModelRegistry.AlreadyRegistered.selector, id));
        registry.register(statement("a"));
    }

    function test_register_badFields_revert() public {
        IModelRegistry.Registration memory given = statement("a");
        given.modelRoot = 0;
        expect(abi.encodeWithSelector(IModelRegistry.ZeroRoot.selector));
        registry.register(given);

        given = statement("a");
        given.licence = "";
        expect(abi.encodeWithSelector(IModelRegistry.BadLength.selector, "licence", 0, 64));
        registry.register(given);

        given.licence = string(new bytes(65));
        expect(abi.encodeWithSelector(IModelRegistry.BadLength.selector, "licence", 65, 64));
        registry.register(given);

        given = statement("a");
        given.cardUri = string(new bytes(513));
        expect(abi.encodeWithSelector(IModelRegistry.BadLength.selector, "cardUri", 513, 512));
        registry.register(given);
    }

    function test_register_badLimits_revert() public {
        expectBadLimits(0, 1_000, 2);
        expectBadLimits(512, 0, 2);
        expectBadLimits(512, 1_000, 1_000);
        IModelRegistry.Registration memory given = statement("a");
        given.endToken = type(uint32).max;
        register(given);
    }

    function test_register_unknownParent_reverts() public {
        expect(abi.encodeWithSelector(IModelRegistry.UnknownModel.selector, 77));
        registry.register(withParent(statement("a"), 77, 1));
    }

    /// A model cannot name itself: its id is not registered yet.
    function test_register_ownParent_reverts() public {
        IModelRegistry.Registration memory given = statement("a");
        uint256 id = idOf(given);
        expect(abi.encodeWithSelector(IModelRegistry.UnknownModel.selector, id));
        registry.register(withParent(given, id, 1));
    }

    function test_register_parentTwice_reverts() public {
        uint256 parent = register(statement("parent"));
        IModelRegistry.Registration memory given =
            withParent(withParent(statement("a"), parent, 1), parent, 1);
        expect(abi.encodeWithSelector(IModelRegistry.DuplicateParent.selector, parent));
        registry.register(given);
    }

    function test_register_fiveParents_reverts() public {
        IModelRegistry.Registration memory given = statement("a");
        for (uint256 i = 0; i < 5; ++i) {
            given = withParent(given, register(statement(bytes32(i))), 1);
        }
        expect(abi.encodeWithSelector(IModelRegistry.TooManyParents.selector, 5, 4));
        registry.register(given);
    }

    function test_register_sharesAboveNineTenths_revert() public {
        uint256 parent = register(statement("parent"));
        register(withParent(statement("a"), parent, 7_000));
        IModelRegistry.Registration memory given = withParent(statement("b"), parent, 7_001);
        expect(abi.encodeWithSelector(IModelRegistry.SharesTooHigh.selector, 9_001, 9_000));
        registry.register(given);
    }

    function test_bindToken_onceByBinder() public {
        uint256 id = register(statement("a"));
        bytes memory refusal =
            abi.encodeWithSelector(IModelRegistry.NotBinder.selector, id, author, binder);
        expect(refusal);
        registry.bindToken(id, address(registry));

        vm.prank(binder);
        vm.expectEmit();
        emit IModelRegistry.TokenBound(id, address(registry));
        registry.bindToken(id, address(registry));
        assertEq(registry.tokenOf(id), address(registry));

        vm.prank(binder);
        vm.expectRevert(
            abi.encodeWithSelector(IModelRegistry.AlreadyBound.selector, id, address(registry))
        );
        registry.bindToken(id, address(this));
    }

    function test_bindToken_noBinder_isTheAuthor() public {
        IModelRegistry.Registration memory given = statement("a");
        given.binder = address(0);
        uint256 id = register(given);
        vm.prank(author);
        registry.bindToken(id, address(this));
        assertEq(registry.tokenOf(id), address(this));
    }

    function test_bindToken_withoutCode_reverts() public {
        uint256 id = register(statement("a"));
        vm.prank(binder);
        vm.expectRevert(abi.encodeWithSelector(IModelRegistry.NotAContract.selector, author));
        registry.bindToken(id, author);
    }

    function test_views_unknownModel_revert() public {
        bytes memory unknown = abi.encodeWithSelector(IModelRegistry.UnknownModel.selector, 5);
        assertFalse(registry.exists(5));
        vm.expectRevert(unknown);
        registry.modelOf(5);
        vm.expectRevert(unknown);
        registry.authorOf(5);
        vm.expectRevert(unknown);
        registry.tokenOf(5);
        vm.expectRevert(unknown);
        registry.rootOf(5);
        vm.expectRevert(unknown);
        registry.sharesOf(5);
        vm.expectRevert(unknown);
        registry.limitsOf(5);
        vm.expectRevert(unknown);
        registry.bindToken(5, address(this));
    }

    function expectBadLimits(uint32 context, uint32 vocabulary, uint32 end) private {
        IModelRegistry.Registration memory given = statement("a");
        given.contextLength = context;
        given.vocabularySize = vocabulary;
        given.endToken = end;
        expect(abi.encodeWithSelector(IModelRegistry.BadLimits.selector, context, vocabulary, end));
        registry.register(given);
    }

    function expect(bytes memory revertData) private {
        vm.prank(author);
        vm.expectRevert(revertData);
    }

    function register(IModelRegistry.Registration memory given) private returns (uint256) {
        vm.prank(author);
        return registry.register(given);
    }

    function idOf(IModelRegistry.Registration memory given) private view returns (uint256) {
        return registry.modelIdOf(author, given.modelRoot, given.salt);
    }

    function withParent(IModelRegistry.Registration memory given, uint256 parent, uint16 bps)
        private
        pure
        returns (IModelRegistry.Registration memory)
    {
        IModelRegistry.Parent[] memory parents =
            new IModelRegistry.Parent[](given.parents.length + 1);
        for (uint256 i = 0; i < given.parents.length; ++i) {
            parents[i] = given.parents[i];
        }
        parents[given.parents.length] = IModelRegistry.Parent({modelId: parent, bps: bps});
        given.parents = parents;
        return given;
    }

    function statement(bytes32 salt)
        private
        view
        returns (IModelRegistry.Registration memory given)
    {
        given.modelRoot = keccak256("root");
        given.zkCommitment = keccak256("zk");
        given.sourceHash = keccak256("gguf");
        given.cardHash = keccak256("card");
        given.cardUri = "ipfs://card";
        given.licence = "Apache-2.0";
        given.operatorBps = 2_000;
        given.binder = binder;
        given.salt = salt;
        given.contextLength = 512;
        given.vocabularySize = 1_000;
        given.endToken = 2;
    }
}
