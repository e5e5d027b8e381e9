// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Vm} from "forge-std/Vm.sol";

import {IModelRegistry} from "../../src/interfaces/IModelRegistry.sol";
import {IModelToken} from "../../src/interfaces/IModelToken.sol";
import {IOfferingFactory} from "../../src/interfaces/IOfferingFactory.sol";
import {IUniformSale} from "../../src/interfaces/IUniformSale.sol";
import {OfferingFactory} from "../../src/OfferingFactory.sol";
import {OfferingFixture} from "./OfferingFixture.sol";

contract OfferingFactoryTest is OfferingFixture {
    uint256 private other;

    function setUp() public override {
        super.setUp();
        other = register(author, "other");
    }

    function test_create_wiresTheContracts() public view {
        assertEq(registry.tokenOf(modelId), address(token));
        assertEq(token.modelId(), modelId);
        assertEq(token.sale(), address(sale));
        assertEq(token.factory(), address(factory));
        assertEq(token.name(), "Story Model");
        assertEq(token.symbol(), "STORY");
        assertEq(token.totalSupply(), TOTAL);
        assertEq(token.balanceOf(address(sale)), FOR_SALE);
        assertEq(token.balanceOf(address(vault)), TOTAL - FOR_SALE);
        assertEq(token.genesis(), START);
        assertEq(token.epochLength(), EPOCH);
        assertEq(token.claimableBps(), 8_000);
        assertEq(token.assets().length, 2);
        assertEq(token.assets()[1], address(usd));
        assertEq(vault.token(), address(token));
        assertEq(vault.beneficiary(), author);
        assertEq(vault.start(), END);
        assertEq(vault.cliff(), 90 days);
        assertEq(vault.duration(), 360 days);
        assertEq(treasury.author(), author);
        assertEq(treasury.start(), END);
        assertEq(treasury.duration(), 180 days);
        assertEq(treasury.upfrontBps(), 2_500);
    }

    function test_create_givesTheSaleItsTerms() public view {
        IUniformSale.Parameters memory terms = sale.parameters();
        assertEq(terms.token, address(token));
        assertEq(terms.treasury, address(treasury));
        assertEq(terms.supply, FOR_SALE);
        assertEq(terms.floorPrice, FLOOR);
        assertEq(terms.priceStep, STEP);
        assertEq(terms.tickCount, TICKS);
        assertEq(terms.start, START);
        assertEq(terms.end, END);
        assertEq(terms.cancelUntil, FREEZE);
        assertEq(terms.minRaise, MIN_RAISE);
        assertEq(terms.minBid, MIN_BID);
        assertEq(terms.buyerCap, CAP);
    }

    function test_create_excludesWhoMustNotEarn() public view {
        assertTrue(token.isExcluded(address(sale)));
        assertTrue(token.isExcluded(address(vault)));
        assertTrue(token.isExcluded(address(treasury)));
        assertTrue(token.isExcluded(address(token)));
        assertTrue(token.isExcluded(poolManager));
        assertFalse(token.isExcluded(author));
    }

    function test_create_isListed() public {
        IOfferingFactory.Offering memory second = create(other, defaultTerms());
        assertEq(factory.offeringCount(), 2);
        assertEq(factory.modelIdAt(0), modelId);
        assertEq(factory.modelIdAt(1), other);
        assertEq(abi.encode(factory.offeringOf(other)), abi.encode(second));
        assertEq(factory.registry(), address(registry));
        vm.expectRevert(abi.encodeWithSelector(IOfferingFactory.UnknownOffering.selector, 9));
        factory.offeringOf(9);
    }

    /// Start 0 means now, and the one event tells everything.
    function test_create_event_tellsEverything() public {
        IOfferingFactory.Terms memory terms = defaultTerms();
        terms.sale.start = 0;
        vm.warp(START + 77);
        vm.recordLogs();
        IOfferingFactory.Offering memory made = create(other, terms);
        terms.sale.start = START + 77;
        Vm.Log[] memory logs = vm.getRecordedLogs();
        Vm.Log memory last = logs[logs.length - 1];
        assertEq(last.topics[0], IOfferingFactory.OfferingCreated.selector);
        assertEq(last.topics[1], bytes32(other));
        assertEq(last.topics[2], bytes32(uint256(uint160(author))));
        assertEq(last.topics[3], bytes32(uint256(uint160(made.token))));
        assertEq(last.data, abi.encode(made, terms));
    }

    function test_create_notTheAuthor_reverts() public {
        vm.expectRevert(
            abi.encodeWithSelector(
                IOfferingFactory.NotAuthor.selector, other, address(this), author
            )
        );
        factory.createOffering(other, defaultTerms());
    }

    function test_create_twice_reverts() public {
        vm.prank(author);
        vm.expectRevert(
            abi.encodeWithSelector(IModelRegistry.AlreadyBound.selector, modelId, address(token))
        );
        factory.createOffering(modelId, defaultTerms());
    }

    function test_create_otherBinder_reverts() public {
        OfferingFactory second = new OfferingFactory(registry);
        vm.prank(author);
        vm.expectRevert(
            abi.encodeWithSelector(
                IModelRegistry.NotBinder.selector, other, address(second), address(factory)
            )
        );
        second.createOffering(other, defaultTerms());
    }

    function test_initialize_byAnybodyElse_reverts() public {
        IModelToken.Genesis memory state;
        vm.expectRevert(abi.encodeWithSelector(IModelToken.NotFactory.selector, address(this)));
        token.initialize(state);
        address implementation = factory.implementations().token;
        vm.expectRevert(abi.encodeWithSelector(IModelToken.NotFactory.selector, address(this)));
        IModelToken(implementation).initialize(state);
    }

    function test_initialize_twice_reverts() public {
        IModelToken.Genesis memory state;
        vm.prank(address(factory));
        vm.expectRevert(IModelToken.AlreadyInitialized.selector);
        token.initialize(state);
    }

    function test_terms_token_bounds() public {
        IOfferingFactory.Terms memory terms = defaultTerms();
        terms.token.name = "";
        refused(terms, "token.name", 0, 1, 64);
        terms.token.name = string(new bytes(65));
        refused(terms, "token.name", 65, 1, 64);
        terms = defaultTerms();
        terms.token.symbol = string(new bytes(17));
        refused(terms, "token.symbol", 17, 1, 16);
        terms = defaultTerms();
        terms.token.totalSupply = 1e30 + 1;
        refused(terms, "token.totalSupply", 1e30 + 1, 1e18, 1e30);
        terms = defaultTerms();
        terms.token.epochLength = 3_599;
        refused(terms, "token.epochLength", 3_599, 1 hours, 30 days);
        terms = defaultTerms();
        terms.token.claimableBps = 10_001;
        refused(terms, "token.claimableBps", 10_001, 0, 10_000);
        terms = defaultTerms();
        terms.token.revenueTokens = new address[](9);
        refused(terms, "token.revenueTokens", 9, 0, 8);
        terms = defaultTerms();
        terms.token.excluded = new address[](5);
        refused(terms, "token.excluded", 5, 0, 4);
    }

    function test_terms_token_badAddresses() public {
        IOfferingFactory.Terms memory terms = defaultTerms();
        terms.token.revenueTokens[0] = author;
        refused(terms, "token.revenueTokens", author);
        terms.token.revenueTokens = new address[](2);
        (terms.token.revenueTokens[0], terms.token.revenueTokens[1]) = (address(usd), address(usd));
        refused(terms, "token.revenueTokens", address(usd));
        terms = defaultTerms();
        terms.token.excluded[0] = address(0);
        refused(terms, "token.excluded", address(0));
    }

    /// Who gains: the author, by counting everybody's shares as revenue.
    function test_terms_ownTokenAsRevenue_isRefused() public {
        IOfferingFactory.Terms memory terms = defaultTerms();
        address future = vm.computeCreateAddress(address(factory), vm.getNonce(address(factory)));
        terms.token.revenueTokens[0] = future;
        refused(terms, "token.revenueTokens", future);
    }

    function test_terms_sale_bounds() public {
        IOfferingFactory.Terms memory terms = defaultTerms();
        terms.sale.supply = TOTAL;
        refused(terms, "sale.supply", TOTAL, 1e18, TOTAL - 1);
        terms = defaultTerms();
        terms.sale.tickCount = 1_025;
        refused(terms, "sale.tickCount", 1_025, 1, 1_024);
        terms.sale.tickCount = 0;
        refused(terms, "sale.tickCount", 0, 1, 1_024);
        terms = defaultTerms();
        terms.sale.floorPrice = 0;
        refused(terms, "sale.floorPrice", 0, 1, type(uint96).max);
        terms = defaultTerms();
        terms.sale.priceStep = FLOOR / 200 - 1;
        refused(terms, "sale.priceStep", FLOOR / 200 - 1, FLOOR / 200, type(uint96).max);
        terms = defaultTerms();
        terms.sale.priceStep = type(uint96).max;
        uint256 top = FLOOR + (TICKS - 1) * uint256(type(uint96).max);
        refused(terms, "sale.tickCount (highest price)", top, 1, type(uint96).max);
        terms = defaultTerms();
        terms.sale.minBid = 0;
        refused(terms, "sale.minBid", 0, 1, type(uint96).max);
        terms = defaultTerms();
        terms.sale.buyerCap = MIN_BID - 1;
        refused(terms, "sale.buyerCap", MIN_BID - 1, MIN_BID, type(uint128).max);
    }

    function test_terms_sale_times() public {
        IOfferingFactory.Terms memory terms = defaultTerms();
        terms.sale.start = START - 1;
        refused(terms, "sale.start", START - 1, START, START + 30 days);
        terms.sale.start = START + 30 days + 1;
        refused(terms, "sale.start", START + 30 days + 1, START, START + 30 days);
        terms = defaultTerms();
        terms.sale.duration = 1 hours - 1;
        refused(terms, "sale.duration", 1 hours - 1, 1 hours, 30 days);
        terms.sale.duration = 30 days + 1;
        refused(terms, "sale.duration", 30 days + 1, 1 hours, 30 days);
    }

    function test_terms_sale_minRaise() public {
        // 400,000 tokens at 0.00073 ETH: far below 128 bits
        // forge-lint: disable-next-line(unsafe-typecast)
        uint128 most = uint128(FOR_SALE * (FLOOR + (TICKS - 1) * uint256(STEP)) / 1e18);
        IOfferingFactory.Terms memory terms = defaultTerms();
        terms.sale.minRaise = 0;
        refused(terms, "sale.minRaise", 0, 1, most);
        terms.sale.minRaise = most + 1;
        refused(terms, "sale.minRaise", most + 1, 1, most);
        terms.sale.minRaise = most;
        create(other, terms);
    }

    function test_terms_vestingAndTreasury_bounds() public {
        IOfferingFactory.Terms memory terms = defaultTerms();
        terms.vesting.duration = 30 days - 1;
        refused(terms, "vesting.duration", 30 days - 1, 30 days, 3_650 days);
        terms = defaultTerms();
        terms.vesting.cliff = 360 days + 1;
        refused(terms, "vesting.cliff", 360 days + 1, 0, 360 days);
        terms = defaultTerms();
        terms.treasury.duration = 0;
        refused(terms, "treasury.duration", 0, 30 days, 3_650 days);
        terms = defaultTerms();
        terms.treasury.upfrontBps = 2_501;
        refused(terms, "treasury.upfrontBps", 2_501, 0, 2_500);
    }

    function test_createVault_bounds() public {
        vm.expectRevert(
            abi.encodeWithSelector(IOfferingFactory.BadAddress.selector, "beneficiary", address(0))
        );
        factory.createVault(modelId, address(0), 0, 0, 1);
        vm.expectRevert(
            abi.encodeWithSelector(IOfferingFactory.OutOfRange.selector, "cliff", 2, 0, 1)
        );
        factory.createVault(modelId, author, 0, 2, 1);
        vm.expectRevert(
            abi.encodeWithSelector(
                IOfferingFactory.OutOfRange.selector, "duration", 3_651 days, 0, 3_650 days
            )
        );
        factory.createVault(modelId, author, 0, 0, 3_651 days);
        vm.expectRevert(abi.encodeWithSelector(IOfferingFactory.UnknownOffering.selector, other));
        factory.createVault(other, author, 0, 0, 1);
    }

    /// The implementations hold nothing and answer nothing useful; nobody can make them.
    function test_implementations_areInert() public {
        IOfferingFactory.Offering memory bare = factory.implementations();
        assertEq(IModelToken(bare.token).totalSupply(), 0);
        deal(address(this), 1 ether);
        vm.expectRevert();
        IUniformSale(bare.sale).bid{value: 1}(0);
    }

    function refused(
        IOfferingFactory.Terms memory terms,
        string memory field,
        uint256 value,
        uint256 minimum,
        uint256 maximum
    ) private {
        vm.prank(author);
        vm.expectRevert(
            abi.encodeWithSelector(
                IOfferingFactory.OutOfRange.selector, field, value, minimum, maximum
            )
        );
        factory.createOffering(other, terms);
    }

    function refused(IOfferingFactory.Terms memory terms, string memory field, address value)
        private
    {
        vm.prank(author);
        vm.expectRevert(abi.encodeWithSelector(IOfferingFactory.BadAddress.selector, field, value));
        factory.createOffering(other, terms);
    }
}
