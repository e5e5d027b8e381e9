// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Base64} from "solady/utils/Base64.sol";
import {LibString} from "solady/utils/LibString.sol";

import {IOracle} from "../../src/interfaces/IOracle.sol";
import {ContentMetadata} from "../../src/libraries/ContentMetadata.sol";
import {Utf8} from "../../src/libraries/Utf8.sol";
import {UseFixture} from "./UseFixture.sol";

/// tokenURI: a base64 data URI of JSON that a strict parser reads, whatever the model wrote
/// ├── the exact bytes of the text in aigc_data, the readable text in description
/// ├── text that tries to be JSON, SVG, or nothing that is UTF-8
/// └── the status as it is now: reserved, bonded, final, struck down
contract ContentMetadataTest is UseFixture {
    string private constant JSON = "data:application/json;base64,";
    string private constant PLAIN = "data:text/plain;charset=utf-8;base64,";
    string private constant SVG = "data:image/svg+xml;base64,";

    function decoded(string memory uri, string memory prefix) private pure returns (bytes memory) {
        assertTrue(LibString.startsWith(uri, prefix));
        return Base64.decode(LibString.slice(uri, bytes(prefix).length));
    }

    function uriOf(bytes memory text) private pure returns (string memory) {
        return ContentMetadata.uri(
            ContentMetadata.Piece({
                modelId: 7,
                requestId: 12,
                operator: address(0xBEEF),
                status: "final",
                prompt: hex"0102",
                content: text
            })
        );
    }

    /// @dev Reads the JSON with forge's strict parser and checks every member against the text.
    function check(bytes memory text) private pure {
        string memory json = string(decoded(uriOf(text), JSON));
        assertEq(vm.parseJsonString(json, ".name"), "imo answer 12");
        assertEq(bytes(vm.parseJsonString(json, ".description")), Utf8.sanitize(text));
        assertEq(decoded(vm.parseJsonString(json, ".aigc_data"), PLAIN), text);
        assertEq(vm.parseJsonString(json, ".aigc_type"), "text");
        assertEq(vm.parseJsonString(json, ".proof_type"), "fraud (opML)");
        assertEq(vm.parseJsonString(json, ".prompt"), "0x0102");
        string[] memory keys = vm.parseJsonKeys(json, "$");
        assertEq(keys.length, 8, "no member was smuggled in");
        assertEq(vm.parseJsonString(json, ".attributes[3].value"), "final");
        checkSvg(decoded(vm.parseJsonString(json, ".image"), SVG));
    }

    /// @dev Nothing of the text may open a tag: the only tags are those of the card.
    function checkSvg(bytes memory svg) private pure {
        string memory s = string(svg);
        assertEq(svg, Utf8.sanitize(svg), "valid UTF-8");
        uint256 tags = LibString.indicesOf(s, "<").length;
        uint256 texts = LibString.indicesOf(s, "<text ").length;
        // svg, /svg, rect, g, /g, and each text with its end.
        assertEq(tags, 5 + 2 * texts);
        assertLe(texts, 19, "at most 18 lines and the footer");
        for (uint256 i = 0; i < svg.length; ++i) {
            assertGe(uint8(svg[i]), 0x20, "no control characters");
        }
    }

    function test_uri_plainText() public pure {
        check("Once upon a time there was a river.");
        check("");
        check(unicode"Grüße, 世界 🌍");
    }

    function test_uri_textThatTriesToBeJson() public pure {
        check('","name":"stolen","x":"');
        check("\\");
        check("\\\"},{");
        check(hex"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f7f22");
    }

    function test_uri_textThatTriesToBeSvg() public pure {
        check("</text><script>alert(1)</script><text>");
        check("<![CDATA[ & ]]> &amp; &#x3c; '\"");
    }

    function test_uri_textThatIsNoUtf8() public pure {
        check(hex"ff");
        check(hex"e4b8");
        check(bytes.concat(hex"c0", '"'));
        check(bytes.concat("a line that ends in the middle of a character of forty-two", hex"f09f"));
    }

    function test_uri_longText() public pure {
        bytes memory text = new bytes(3_000);
        for (uint256 i = 0; i < text.length; ++i) {
            text[i] = i % 97 == 96 ? bytes1(0x0a) : bytes("abcdefghijklmnopqrstuvwxyz")[i % 26];
        }
        check(text);
    }

    function test_card_breaksLines() public pure {
        string memory json = string(decoded(uriOf("one\n\ntwo"), JSON));
        string memory svg = string(decoded(vm.parseJsonString(json, ".image"), SVG));
        assertTrue(LibString.contains(svg, '<text x="80" y="120">one</text>'));
        assertTrue(LibString.contains(svg, '<text x="80" y="168"></text>'));
        assertTrue(LibString.contains(svg, '<text x="80" y="216">two</text>'));
        assertTrue(LibString.contains(svg, "imo answer 12, final"));
    }

    /// forge-config: default.fuzz.runs = 64
    /// forge-config: night.fuzz.runs = 5000
    function testFuzz_uri_anyBytes(bytes memory text) public pure {
        check(text);
    }

    function test_tokenUri_tellsTheStatus() public {
        uint256 id = answered();
        bytes memory prompt = content.encodePrompt(id, pack(1, 7, 8));
        vm.prank(asker);
        uint256 token = content.reserve(asker, prompt);
        assertEq(statusOfToken(token), "reserved");
        content.addAigcData(token, prompt, "a river", "");
        assertEq(statusOfToken(token), "bonded");
        strikeDown(id);
        assertEq(statusOfToken(token), "struck down");
        IOracle.Answer memory better = defaultAnswer();
        better.text = "a lake";
        answer(id, better);
        assertEq(statusOfToken(token), "struck down", "what it holds is still the old text");
        content.update(prompt, "a lake");
        assertEq(statusOfToken(token), "bonded");
        vm.warp(block.timestamp + WINDOW);
        oracle.finalise(id);
        assertEq(statusOfToken(token), "final");
    }

    function statusOfToken(uint256 token) private view returns (string memory) {
        string memory json = string(decoded(content.tokenURI(token), JSON));
        return vm.parseJsonString(json, ".attributes[3].value");
    }
}
