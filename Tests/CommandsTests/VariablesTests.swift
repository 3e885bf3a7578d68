import Foundation
import Testing

@testable import Commands

/// Environment variables in the place of options; no guest is there.
@Suite struct VariablesTests {
  private func run(
    _ variables: [String: String], _ arguments: String...
  ) throws -> BuiltProgram.Outcome {
    try BuiltProgram.run(arguments, variables)
  }

  @Test func aTargetOfTheEnvironmentIsForWhoNamesNone() throws {
    let variable = ["GUESTSCOPE_CONNECT": "unix:/no/such/socket"]
    let result = try run(variable, "info")
    #expect(result.status == 1 && result.err.contains("/no/such/socket"), "\(result.err)")
    let named = try run(variable, "-c", "unix:/no/other/socket", "info")
    #expect(named.status == 1 && named.err.contains("/no/other/socket"), "\(named.err)")
    #expect(!named.err.contains("/no/such/socket"))
  }

  @Test func aKernelOfTheEnvironmentIsReadFirst() throws {
    let variables = [
      "GUESTSCOPE_CONNECT": "unix:/no/such/socket", "GUESTSCOPE_KERNEL": "/no/such/kernel",
    ]
    let result = try run(variables, "info")
    #expect(result.status == 1)
    #expect(result.err.contains("GUESTSCOPE_KERNEL: ") && result.err.contains("/no/such/kernel"))
    let named = try run(variables, "-k", "/no/other/kernel", "info")
    #expect(named.err.contains("/no/other/kernel") && !named.err.contains("GUESTSCOPE_KERNEL"))
  }

  @Test func optionsOfTheEnvironmentStandBeforeThoseOfTheCommandLine() throws {
    let variable = ["GUESTSCOPE_OPTIONS": "-j -c 'unix:/a socket'"]
    let result = try run(variable, "info")
    #expect(result.status == 1 && result.out.hasPrefix(#"{"error":"#), "\(result.out)")
    #expect(result.err.contains("/a socket"))
    #expect(try run(variable, "-c", "unix:/last", "info").err.contains("/last"))
  }

  @Test func jsonOfTheEnvironmentHoldsForALineThatIsRefused() throws {
    for words in [["prog", "fly"], ["read", "x"], ["prog", "list", "--fly"]] {
      let result = try BuiltProgram.run(words, ["GUESTSCOPE_OPTIONS": "-j"])
      #expect(result.status == 64 && result.out.hasPrefix(#"{"error":"#), "\(words): \(result.out)")
    }
  }

  @Test(
    arguments: [
      ("GUESTSCOPE_CONNECT", "nowhere", "a gdbserver is HOST:PORT"),
      ("GUESTSCOPE_CONNECT", ":70000", "a gdbserver is HOST:PORT"),
      ("GUESTSCOPE_OPTIONS", "--fly", "not --fly"), ("GUESTSCOPE_OPTIONS", "info", "not info"),
      ("GUESTSCOPE_OPTIONS", "'-j", "is not closed"),
      ("GUESTSCOPE_OPTIONS", "-e info", "not -e and -f"),
      ("GUESTSCOPE_OPTIONS", "--timeout 0", "--timeout takes seconds"),
    ])
  func aBadValueNamesItsVariable(name: String, value: String, text: String) throws {
    let result = try run([name: value], "info")
    #expect(result.status == 64, "\(result.err)")
    #expect(result.err.contains(name) && result.err.contains(text), "\(result.err)")
    #expect(result.out == "")
  }

  /// The message for a wrong name has people type this command.
  @Test func aBadNameOfAGuestKeepsNoneFromListingThem() throws {
    #expect(try run(["GUESTSCOPE_CONNECT": "nowhere"], "-j", "guests").out.hasPrefix("["))
  }

  @Test func anEmptyVariableIsNone() throws {
    let empty = ["GUESTSCOPE_CONNECT": "", "GUESTSCOPE_KERNEL": "", "GUESTSCOPE_OPTIONS": ""]
    #expect(try run(empty, "--version").out == Root.version + "\n")
    #expect(try run(empty, "-c", "unix:/no/such/socket", "info").status == 1)
  }
}
