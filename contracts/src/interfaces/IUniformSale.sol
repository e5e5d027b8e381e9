// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Sale of a fixed supply at one uniform clearing price, in ETH
/// @notice Bidders name a price of a fixed grid and the most they spend. At settlement the highest price at which the
/// supply sells is the price for everybody: bids above it are filled wholly, bids exactly at it share what is left,
/// bids below it get their money back. If less than the minimum raise comes together, everybody gets everything back.
/// @dev Price of tick k: floorPrice + k * priceStep, wei for one whole token (1e18 base units). One bid per owner and
/// tick; bidding again adds to it. An owner has bids at eight ticks at most.
/// Times are half-open: bids in [start, end), cancellations in [start, cancelUntil), settlement in [end, end + 7 days).
interface IUniformSale {
    /// @notice Pending before start; Open; Ended when it waits for `settle`; Succeeded or Failed are final.
    enum Status {
        Pending,
        Open,
        Ended,
        Succeeded,
        Failed
    }

    /// @notice Everything fixed at creation.
    /// @param token The ModelToken that is sold.
    /// @param treasury Receives the proceeds of a sale that succeeds.
    /// @param supply Base units for sale.
    /// @param floorPrice Price of tick 0, wei per whole token.
    /// @param priceStep Distance of neighbouring prices.
    /// @param tickCount Number of prices, 1,024 at most.
    /// @param start First second of bidding.
    /// @param end Scheduled end; `endTime()` is the end with extensions.
    /// @param cancelUntil From here on bids are final.
    /// @param minRaise Least proceeds, wei.
    /// @param minBid Least amount of one call of `bid`, wei.
    /// @param buyerCap Most that one owner can have in bids, wei; zero for no cap.
    struct Parameters {
        address token;
        address treasury;
        uint256 supply;
        uint256 floorPrice;
        uint256 priceStep;
        uint256 tickCount;
        uint256 start;
        uint256 end;
        uint256 cancelUntil;
        uint256 minRaise;
        uint256 minBid;
        uint256 buyerCap;
    }

    /// @notice The result of a clearing.
    /// @param price Clearing price, wei per whole token.
    /// @param marginalTick Bids above this tick are filled wholly, below it not at all.
    /// @param marginalFill Wei accepted at the marginal tick ...
    /// @param marginalDemand ... of so many wei bid there.
    /// @param proceeds Wei accepted in all.
    /// @param sold Base units sold; the rest of the supply is burned.
    struct Outcome {
        uint256 price;
        uint256 marginalTick;
        uint256 marginalFill;
        uint256 marginalDemand;
        uint256 proceeds;
        uint256 sold;
    }

    /// @param tick Index of the price.
    /// @param amount Wei.
    struct Bid {
        uint256 tick;
        uint256 amount;
    }

    /// @param amount Wei added by this call.
    /// @param total Wei the owner now has at this tick.
    event BidPlaced(address indexed owner, uint256 indexed tick, uint256 amount, uint256 total);
    event BidCancelled(address indexed owner, uint256 indexed tick, uint256 amount);
    event SaleExtended(uint256 end);
    /// @param succeeded False when the minimum raise was missed or nobody settled in time; then nothing was sold.
    /// @param burned Base units burned.
    event SaleSettled(
        bool indexed succeeded, uint256 price, uint256 sold, uint256 proceeds, uint256 burned
    );
    event SaleClaimed(address indexed owner, uint256 tokens, uint256 refund);

    error WrongStatus(Status status);
    error UnknownTick(uint256 tick, uint256 tickCount);
    error BidTooSmall(uint256 amount, uint256 minimum);
    error BidTooLarge(uint256 amount, uint256 maximum);
    error OverBuyerCap(uint256 amount, uint256 cap);
    error TooManyBids(address owner, uint256 maximum);
    error NoBid(address owner, uint256 tick);
    error Frozen(uint256 cancelUntil);

    /// @notice Bids msg.value at the price of `tick`, for the caller.
    function bid(uint256 tick) external payable;

    /// @notice Takes the caller's whole bid at `tick` back.
    /// @return refund Wei paid back.
    function cancel(uint256 tick) external returns (uint256 refund);

    /// @notice Clears the sale. Anybody may call, once, from the end on; after seven days the result is Failed.
    function settle() external;

    /// @notice Delivers tokens and refund to `owner`. Anybody may call; only the owner is paid; a second call does
    /// nothing and returns zeros.
    function claim(address owner) external returns (uint256 tokens, uint256 refund);

    /// @notice `claim` for several owners.
    function claimMany(address[] calldata owners) external;

    function parameters() external view returns (Parameters memory);

    function status() external view returns (Status);

    /// @notice End of bidding, with the extensions so far.
    function endTime() external view returns (uint256);

    /// @notice Price of a tick, wei per whole token.
    function priceAt(uint256 tick) external view returns (uint256);

    /// @notice Wei bid at a tick.
    function demandAt(uint256 tick) external view returns (uint256);

    /// @notice Wei bid at every tick, tick 0 first.
    function ladder() external view returns (uint256[] memory);

    /// @notice The clearing if the sale ended now; the final one once it has succeeded; zeros once it has failed.
    function quote() external view returns (Outcome memory);

    /// @notice Final price, wei per whole token; zero unless the sale succeeded.
    function clearingPrice() external view returns (uint256);

    /// @notice Base units sold; zero unless the sale succeeded.
    function tokensSold() external view returns (uint256);

    /// @notice The owner's bids; still readable after the claim.
    function bidsOf(address owner) external view returns (Bid[] memory);

    /// @notice What the owner gets by the clearing that `quote` reports; does not change when it is claimed.
    /// @return tokens Base units, rounded down.
    /// @return paid Wei, rounded up.
    /// @return refund Wei: all bids less `paid`.
    function allocationOf(address owner)
        external
        view
        returns (uint256 tokens, uint256 paid, uint256 refund);

    function hasClaimed(address owner) external view returns (bool);
}
