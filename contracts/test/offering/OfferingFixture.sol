// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";

import {IModelRegistry} from "../../src/interfaces/IModelRegistry.sol";
import {IModelToken} from "../../src/interfaces/IModelToken.sol";
import {IOfferingFactory} from "../../src/interfaces/IOfferingFactory.sol";
import {IOfferingTreasury} from "../../src/interfaces/IOfferingTreasury.sol";
import {IUniformSale} from "../../src/interfaces/IUniformSale.sol";
import {IVestingVault} from "../../src/interfaces/IVestingVault.sol";
import {ModelRegistry} from "../../src/ModelRegistry.sol";
import {OfferingFactory} from "../../src/OfferingFactory.sol";
import {TestToken} from "../tokens/TestToken.sol";

/// @title One offering, made the way an author makes it
/// @dev 1,000,000 tokens, 400,000 of them for sale at 0.0001 ETH and up (40 ETH at the floor), minimum 10 ETH.
abstract contract OfferingFixture is Test {
    uint64 internal constant START = 1_800_000_000;
    uint64 internal constant DURATION = 5 days;
    uint64 internal constant END = START + DURATION;
    uint256 internal constant FREEZE = START + 4 days;
    uint32 internal constant EPOCH = 1 days;
    uint256 internal constant TOTAL = 1_000_000e18;
    uint256 internal constant FOR_SALE = 400_000e18;
    uint128 internal constant FLOOR = 1e14;
    uint128 internal constant STEP = 1e13;
    uint16 internal constant TICKS = 64;
    uint128 internal constant MIN_RAISE = 10 ether;
    uint128 internal constant MIN_BID = 0.01 ether;
    uint128 internal constant CAP = 30 ether;

    address internal author = makeAddr("author");
    address internal poolManager = makeAddr("poolManager");

    ModelRegistry internal registry;
    OfferingFactory internal factory;
    uint256 internal modelId;
    IModelToken internal token;
    IUniformSale internal sale;
    IVestingVault internal vault;
    IOfferingTreasury internal treasury;
    TestToken internal usd;

    function setUp() public virtual {
        vm.warp(START);
        registry = new ModelRegistry();
        factory = new OfferingFactory(registry);
        usd = new TestToken("Test Dollar", "TUSD", 6);
        modelId = register(author, "first");
        adopt(create(modelId, defaultTerms()));
    }

    function register(address by, bytes32 salt) internal returns (uint256) {
        vm.prank(by);
        return registry.register(defaultRegistration(salt));
    }

    function create(uint256 id, IOfferingFactory.Terms memory terms)
        internal
        returns (IOfferingFactory.Offering memory)
    {
        vm.prank(registry.authorOf(id));
        return factory.createOffering(id, terms);
    }

    function adopt(IOfferingFactory.Offering memory offering) internal {
        token = IModelToken(offering.token);
        sale = IUniformSale(offering.sale);
        vault = IVestingVault(offering.vault);
        treasury = IOfferingTreasury(offering.treasury);
    }

    function bid(address owner, uint256 tick, uint256 amount) internal {
        deal(owner, owner.balance + amount);
        vm.prank(owner);
        sale.bid{value: amount}(tick);
    }

    function send(address from, address to, uint256 amount) internal {
        vm.prank(from);
        assertTrue(token.transfer(to, amount));
    }

    /// @dev 20 ETH at the floor sell half of the supply: 120,000 tokens to alice, 80,000 to bob.
    function sellHalf(address alice, address bob) internal {
        bid(alice, 0, 12 ether);
        bid(bob, 0, 8 ether);
        vm.warp(END);
        sale.settle();
        sale.claim(alice);
        sale.claim(bob);
    }

    function nextEpoch() internal {
        vm.warp(token.epochStart(token.currentEpoch() + 1));
    }

    function defaultRegistration(bytes32 salt)
        internal
        view
        returns (IModelRegistry.Registration memory registration)
    {
        registration.modelRoot = keccak256("program and weights");
        registration.sourceHash = keccak256("gguf");
        registration.cardHash = keccak256("card");
        registration.cardUri = "ipfs://card";
        registration.licence = "Apache-2.0";
        registration.operatorBps = 2_000;
        registration.binder = address(factory);
        registration.salt = salt;
        registration.contextLength = 512;
        registration.vocabularySize = 4_096;
        registration.endToken = 2;
    }

    function defaultTerms() internal view returns (IOfferingFactory.Terms memory terms) {
        terms.token.name = "Story Model";
        terms.token.symbol = "STORY";
        terms.token.totalSupply = TOTAL;
        terms.token.epochLength = EPOCH;
        terms.token.claimableBps = 8_000;
        terms.token.revenueTokens = new address[](1);
        terms.token.revenueTokens[0] = address(usd);
        terms.token.excluded = new address[](1);
        terms.token.excluded[0] = poolManager;
        terms.sale.supply = FOR_SALE;
        terms.sale.floorPrice = FLOOR;
        terms.sale.priceStep = STEP;
        terms.sale.tickCount = TICKS;
        terms.sale.start = START;
        terms.sale.duration = DURATION;
        terms.sale.minRaise = MIN_RAISE;
        terms.sale.minBid = MIN_BID;
        terms.sale.buyerCap = CAP;
        terms.vesting.cliff = 90 days;
        terms.vesting.duration = 360 days;
        terms.treasury.upfrontBps = 2_500;
        terms.treasury.duration = 180 days;
    }
}
