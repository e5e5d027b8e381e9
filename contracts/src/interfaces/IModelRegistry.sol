// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title The append-only list of models
/// @notice A registration is a statement by its author that never changes. The registry has no owner and moves
/// no money; offerings, splitters, the oracle and the content token all read the same facts from here.
interface IModelRegistry {
    /// @notice A model that this one came from, and the share of this model's revenue that it is owed.
    /// @param modelId The earlier registration.
    /// @param bps The share in basis points of 1/10,000.
    struct Parent {
        uint256 modelId;
        uint16 bps;
    }

    /// @notice Everything an author states about a model.
    /// @param modelRoot Commitment to program, weights, tables and vocabulary; not zero.
    /// @param zkCommitment Commitment to the same weights in the proof system; zero when there is none.
    /// @param sourceHash keccak256 of the source file (GGUF) that was compiled.
    /// @param cardHash keccak256 of the model card.
    /// @param cardUri Where the card is found (at most 512 bytes).
    /// @param licence SPDX expression of the weights' licence (1 to 64 bytes).
    /// @param operatorBps Share of every fee that goes to the operator who answered.
    /// @param parents At most four models this one came from. operatorBps and all parents' bps sum to 9,000 at most.
    /// @param binder The only address that may bind the token; zero stands for the author.
    /// @param salt Lets one author register the same root more than once.
    /// @param contextLength Greatest number of tokens, prompt and answer together; not zero.
    /// @param vocabularySize Number of token ids; not zero.
    /// @param endToken The id that ends an answer; below vocabularySize, or type(uint32).max for none.
    struct Registration {
        bytes32 modelRoot;
        bytes32 zkCommitment;
        bytes32 sourceHash;
        bytes32 cardHash;
        string cardUri;
        string licence;
        uint16 operatorBps;
        Parent[] parents;
        address binder;
        bytes32 salt;
        uint32 contextLength;
        uint32 vocabularySize;
        uint32 endToken;
    }

    /// @notice A registration with what the chain knows about it.
    /// @param registration The author's statement.
    /// @param author Who registered.
    /// @param token The bound ModelToken; zero until bound.
    /// @param registeredAt Unix seconds.
    struct Model {
        Registration registration;
        address author;
        address token;
        uint64 registeredAt;
    }

    event ModelRegistered(
        uint256 indexed modelId,
        address indexed author,
        bytes32 indexed modelRoot,
        Registration registration
    );
    event TokenBound(uint256 indexed modelId, address indexed token);

    error AlreadyRegistered(uint256 modelId);
    error UnknownModel(uint256 modelId);
    error ZeroRoot();
    error BadLength(string field, uint256 length, uint256 maximum);
    error TooManyParents(uint256 count, uint256 maximum);
    error DuplicateParent(uint256 modelId);
    error SharesTooHigh(uint256 bps, uint256 maximum);
    error BadLimits(uint32 contextLength, uint32 vocabularySize, uint32 endToken);
    error NotBinder(uint256 modelId, address caller, address binder);
    error AlreadyBound(uint256 modelId, address token);
    error NotAContract(address token);

    /// @notice Registers a model for the caller.
    /// @return modelId uint256(keccak256(abi.encode(author, modelRoot, salt))).
    function register(Registration calldata registration) external returns (uint256 modelId);

    /// @notice Binds the token that receives the model's revenue; once, by the binder alone.
    function bindToken(uint256 modelId, address token) external;

    /// @notice The id that `author` gets for `modelRoot` and `salt`, registered or not.
    function modelIdOf(address author, bytes32 modelRoot, bytes32 salt)
        external
        pure
        returns (uint256);

    /// @notice Whether the id is registered.
    function exists(uint256 modelId) external view returns (bool);

    /// @notice The whole registration with author and token. Reverts for an unknown id, as all views below do.
    function modelOf(uint256 modelId) external view returns (Model memory);

    function authorOf(uint256 modelId) external view returns (address);

    /// @notice The bound token, or zero when none is bound yet.
    function tokenOf(uint256 modelId) external view returns (address);

    function rootOf(uint256 modelId) external view returns (bytes32);

    /// @notice The immutable split of the model's fees; what is left after these goes to the token holders.
    function sharesOf(uint256 modelId)
        external
        view
        returns (uint16 operatorBps, Parent[] memory parents);

    /// @notice What bounds a request to the model.
    function limitsOf(uint256 modelId)
        external
        view
        returns (uint32 contextLength, uint32 vocabularySize, uint32 endToken);

    /// @notice Number of registrations.
    function modelCount() external view returns (uint256);

    /// @notice The id of the registration number `index`, in order of registration.
    function modelIdAt(uint256 index) external view returns (uint256);
}
