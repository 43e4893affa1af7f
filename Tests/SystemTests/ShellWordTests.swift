import System
import Testing

@Suite("Words for a shell")
struct ShellWordTests {
    @Test(
        "plain words stay, others are in single quotes",
        arguments: [
            ("runs/a-1", "runs/a-1"), ("--set", "--set"), ("a=1,b", "a=1,b"), ("", "''"), ("a b", "'a b'"),
            ("it's", "'it'\\''s'"),
            ("$HOME", "'$HOME'"), ("~", "'~'"), ("é", "'é'"),
        ])
    func words(_ word: String, _ text: String) { #expect(shellWord(word) == text) }
}
