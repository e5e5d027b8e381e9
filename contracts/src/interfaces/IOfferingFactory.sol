// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Maker of offerings
/// @notice Checks every parameter, deploys token, sale, vesting vault and treasury as immutable clones, binds the
/// token in the registry, and tells everything in one event. Holds nothing, owns nothing, cannot be changed.
interface IOfferingFactory {
    /// @param name 1 to 64 bytes.
    /// @param symbol 1 to 16 bytes.
    /// @param totalSupply Base units (18 decimals), 1e18 to 1e30. What is not for sale vests for the author.
    /// @param epochLength Seconds, 1 hour to 30 days.
    /// @param claimableBps Share of revenue that is claimed; the rest is redeemed by burning.
    /// @param revenueTokens ERC-20 tokens accepted as revenue, 8 at most, fixed for ever.
    /// @param excluded Further holders that earn nothing (pool managers), 4 at most.
    struct TokenTerms {
        string name;
        string symbol;
        uint256 totalSupply;
        uint32 epochLength;
        uint16 claimableBps;
        address[] revenueTokens;
        address[] excluded;
    }

    /// @param supply Base units for sale, at least 1e18 and less than the total supply.
    /// @param floorPrice Wei per whole token, price of tick 0.
    /// @param priceStep Distance of prices; at least 0.5% of the floor.
    /// @param tickCount 1 to 1,024.
    /// @param start Unix seconds, at most 30 days ahead; 0 means the block of creation.
    /// @param duration Seconds, 1 hour to 30 days; bids are final in its last fifth.
    /// @param minRaise Wei; not zero, and within reach of the grid's highest price.
    /// @param minBid Wei, not zero.
    /// @param buyerCap Wei per owner; 0 for none, else at least minBid.
    struct SaleTerms {
        uint256 supply;
        uint128 floorPrice;
        uint128 priceStep;
        uint16 tickCount;
        uint64 start;
        uint64 duration;
        uint128 minRaise;
        uint128 minBid;
        uint128 buyerCap;
    }

    /// @notice The author's tokens, counted from the scheduled end of the sale.
    /// @param cliff Seconds, at most `duration`.
    /// @param duration Seconds, 30 days to 10 years.
    struct VestingTerms {
        uint64 cliff;
        uint64 duration;
    }

    /// @notice The proceeds, counted from the scheduled end of the sale.
    /// @param upfrontBps At most 2,500.
    /// @param duration Seconds over which the rest is released, 30 days to 10 years.
    struct TreasuryTerms {
        uint16 upfrontBps;
        uint64 duration;
    }

    struct Terms {
        TokenTerms token;
        SaleTerms sale;
        VestingTerms vesting;
        TreasuryTerms treasury;
    }

    struct Offering {
        address token;
        address sale;
        address vault;
        address treasury;
    }

    /// @param terms As given, with `start` filled in.
    event OfferingCreated(
        uint256 indexed modelId,
        address indexed author,
        address indexed token,
        Offering offering,
        Terms terms
    );
    event VaultCreated(address indexed vault, address indexed token, address indexed beneficiary);

    error NotAuthor(uint256 modelId, address caller, address author);
    error UnknownOffering(uint256 modelId);
    /// @param field Name of the field, for instance "sale.tickCount".
    error OutOfRange(string field, uint256 value, uint256 minimum, uint256 maximum);
    error BadAddress(string field, address value);

    /// @notice Creates the offering of a model whose registration names this factory as binder.
    /// @dev The addresses follow from the model and `terms` as given, not from the block or from other offerings.
    function createOffering(uint256 modelId, Terms calldata terms)
        external
        returns (Offering memory offering);

    /// @notice Creates a vesting vault over an offering's token for anybody; such a vault earns like any holder.
    /// @dev The address follows from the arguments; a vault that is already there is returned as it is.
    /// @param start Unix seconds.
    /// @param cliff Seconds, at most `duration`.
    /// @param duration Seconds, at most 10 years.
    function createVault(
        uint256 modelId,
        address beneficiary,
        uint64 start,
        uint64 cliff,
        uint64 duration
    ) external returns (address vault);

    /// @notice The contracts of a model's offering; reverts when it has none.
    function offeringOf(uint256 modelId) external view returns (Offering memory);

    function offeringCount() external view returns (uint256);

    /// @notice Model of offering number `index`, in order of creation.
    function modelIdAt(uint256 index) external view returns (uint256);

    function registry() external view returns (address);

    /// @notice The implementations behind the clones, in the order of `Offering`.
    function implementations() external view returns (Offering memory);
}
