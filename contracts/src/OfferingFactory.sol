// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {CREATE3} from "solady/utils/CREATE3.sol";
import {LibClone} from "solady/utils/LibClone.sol";

import {IModelRegistry} from "./interfaces/IModelRegistry.sol";
import {IModelToken} from "./interfaces/IModelToken.sol";
import {IOfferingFactory} from "./interfaces/IOfferingFactory.sol";
import {IUniformSale} from "./interfaces/IUniformSale.sol";
import {OfferingTerms} from "./libraries/OfferingTerms.sol";
import {ModelToken} from "./ModelToken.sol";
import {OfferingTreasury} from "./OfferingTreasury.sol";
import {UniformSale} from "./UniformSale.sol";
import {VestingVault} from "./VestingVault.sol";

/// @title Maker of offerings
/// @notice Rules and meanings are in IOfferingFactory.
/// @dev The constructor deploys the implementations, so that a factory cannot be wired wrongly.
/// A bid is money sent to an address that was seen before. So the addresses of an offering follow from its model and
/// its terms alone: after a reorganisation they hold this offering or nothing, never somebody else's. CREATE3 rather
/// than CREATE2, because the immutable arguments contain the time of the block.
contract OfferingFactory is IOfferingFactory {
    /// @dev Bids are final in the last fifth of the scheduled duration.
    uint256 private constant FREEZE_DIVISOR = 5;

    IModelRegistry private immutable REGISTRY;
    address private immutable TOKEN;
    address private immutable SALE;
    address private immutable VAULT;
    address private immutable TREASURY;

    mapping(uint256 modelId => Offering) private _offerings;
    uint256[] private _ids;

    constructor(IModelRegistry registry_) {
        REGISTRY = registry_;
        TOKEN = address(new ModelToken(address(this)));
        SALE = address(new UniformSale());
        VAULT = address(new VestingVault());
        TREASURY = address(new OfferingTreasury());
    }

    /// @inheritdoc IOfferingFactory
    function createOffering(uint256 modelId, Terms calldata given)
        external
        returns (Offering memory offering)
    {
        address author = REGISTRY.authorOf(modelId);
        if (msg.sender != author) revert NotAuthor(modelId, msg.sender, author);
        address bound = REGISTRY.tokenOf(modelId);
        // Said here, because a second deployment at the same addresses would burn all gas.
        if (bound != address(0)) revert IModelRegistry.AlreadyBound(modelId, bound);
        Terms memory terms = given;
        bytes32 salt = keccak256(abi.encode(modelId, terms));
        if (terms.sale.start == 0) terms.sale.start = uint64(block.timestamp);
        OfferingTerms.check(terms);

        offering = _deploy(modelId, author, terms, salt);
        _offerings[modelId] = offering;
        _ids.push(modelId);
        REGISTRY.bindToken(modelId, offering.token);
        emit OfferingCreated(modelId, author, offering.token, offering, terms);
    }

    /// @inheritdoc IOfferingFactory
    function createVault(
        uint256 modelId,
        address beneficiary,
        uint64 start,
        uint64 cliff,
        uint64 duration
    ) external returns (address vault) {
        address token = offeringOf(modelId).token;
        if (beneficiary == address(0)) revert BadAddress("beneficiary", beneficiary);
        OfferingTerms.checkVault(cliff, duration);
        bool there;
        (there, vault) = LibClone.createDeterministicClone(
            VAULT, abi.encode(token, beneficiary, start, cliff, duration), 0
        );
        if (!there) emit VaultCreated(vault, token, beneficiary);
    }

    /// @inheritdoc IOfferingFactory
    function offeringOf(uint256 modelId) public view returns (Offering memory offering) {
        offering = _offerings[modelId];
        if (offering.token == address(0)) revert UnknownOffering(modelId);
    }

    /// @inheritdoc IOfferingFactory
    function offeringCount() external view returns (uint256) {
        return _ids.length;
    }

    /// @inheritdoc IOfferingFactory
    function modelIdAt(uint256 index) external view returns (uint256) {
        return _ids[index];
    }

    /// @inheritdoc IOfferingFactory
    function registry() external view returns (address) {
        return address(REGISTRY);
    }

    /// @inheritdoc IOfferingFactory
    function implementations() external view returns (Offering memory) {
        return Offering({token: TOKEN, sale: SALE, vault: VAULT, treasury: TREASURY});
    }

    /// @dev The token comes first because the others carry its address, and learns theirs last.
    function _deploy(uint256 modelId, address author, Terms memory terms, bytes32 salt)
        private
        returns (Offering memory offering)
    {
        uint256 end = uint256(terms.sale.start) + terms.sale.duration;
        offering.token = _deployToken(modelId, terms.token, salt);
        offering.treasury = _clone(
            TREASURY,
            abi.encode(author, end, terms.treasury.duration, terms.treasury.upfrontBps),
            salt
        );
        offering.vault = _clone(
            VAULT,
            abi.encode(offering.token, author, end, terms.vesting.cliff, terms.vesting.duration),
            salt
        );
        offering.sale = _deploySale(offering, terms.sale, end, salt);
        IModelToken(offering.token)
            .initialize(
                IModelToken.Genesis({
                name: terms.token.name,
                symbol: terms.token.symbol,
                sale: offering.sale,
                saleSupply: terms.sale.supply,
                vault: offering.vault,
                vaultSupply: terms.token.totalSupply - terms.sale.supply,
                treasury: offering.treasury,
                excluded: terms.token.excluded
            })
            );
    }

    function _deployToken(uint256 modelId, TokenTerms memory terms, bytes32 salt)
        private
        returns (address)
    {
        bytes memory args = abi.encodePacked(
            abi.encode(
                modelId,
                block.timestamp,
                terms.epochLength,
                terms.claimableBps,
                terms.revenueTokens.length
            ),
            terms.revenueTokens
        );
        return _clone(TOKEN, args, salt);
    }

    function _deploySale(
        Offering memory offering,
        SaleTerms memory terms,
        uint256 end,
        bytes32 salt
    ) private returns (address) {
        IUniformSale.Parameters memory parameters = IUniformSale.Parameters({
            token: offering.token,
            treasury: offering.treasury,
            supply: terms.supply,
            floorPrice: terms.floorPrice,
            priceStep: terms.priceStep,
            tickCount: terms.tickCount,
            start: terms.start,
            end: end,
            cancelUntil: end - terms.duration / FREEZE_DIVISOR,
            minRaise: terms.minRaise,
            minBid: terms.minBid,
            buyerCap: terms.buyerCap
        });
        return _clone(SALE, abi.encode(parameters), salt);
    }

    /// @dev The address follows from this factory, the implementation and the salt.
    function _clone(address implementation, bytes memory args, bytes32 salt)
        private
        returns (address)
    {
        return CREATE3.deployDeterministic(
            LibClone.initCode(implementation, args), keccak256(abi.encode(salt, implementation))
        );
    }
}
