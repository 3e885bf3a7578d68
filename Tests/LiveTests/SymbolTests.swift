import Foundation
import Testing

extension LiveTests {
  /// Symbols outside of the kernel image, against bpftool's programs and the kernel's own list of
  /// what /proc/kallsyms shows.
  @Suite(.timeLimit(.minutes(5))) struct SymbolTests {
    /// Runs lines over one session; returns the document that each answers.
    private func documents(_ guest: LiveGuest, _ lines: [String]) throws -> [Any] {
      let result = try Program(guest, ["-j"] + lines.flatMap { ["-e", $0] }).run()
      #expect(result.status == 0, "\(result.err)")
      let documents = try result.out.split(separator: "\n").map {
        try JSONSerialization.jsonObject(with: Data($0.utf8), options: .fragmentsAllowed)
      }
      try #require(documents.count == lines.count)
      return documents
    }

    /// The one symbol that `sym` gives for each address.
    private func symbols(_ guest: LiveGuest, at addresses: [UInt64]) throws -> [[String: Any]] {
      try documents(guest, addresses.map { "sym 0x" + String($0, radix: 16) }).map { document in
        let rows = try #require(document as? [[String: Any]])
        #expect(rows.count == 1)
        return try #require(rows.first)
      }
    }

    private struct Compiled {
      var id: Int
      /// As `bpf_prog_ksym_set_name()` of kernel/bpf/core.c makes it.
      var symbol: String

      /// Nil for a program that is interpreted.
      init?(_ program: [String: Any]) {
        guard let id = program["id"] as? Int, let tag = program["tag"] as? String,
          program["bytes_jited"] as? Int ?? 0 > 0
        else { return nil }
        let name = program["name"] as? String ?? ""
        (self.id, symbol) = (id, "bpf_prog_\(tag)" + (name.isEmpty ? "" : "_\(name)"))
      }
    }

    @Test(arguments: LiveGuest.withBpftool)
    func everyProgramOfBpftoolsIsNamedByTheAddressOfItsCode(guest: LiveGuest) throws {
      // One guest has a thousand of one kind.
      let programs = try guest.bpftool("prog").compactMap(Compiled.init).prefix(150)
      try #require(!programs.isEmpty)
      let starts = try documents(guest, programs.map { "print bpf_prog prog:\($0.id) .bpf_func" })
        .map { try #require(UInt64(hex: $0)) }
      var symbols: [String] = []
      for (program, row) in zip(programs, try self.symbols(guest, at: starts.map { $0 + 1 })) {
        let symbol = try #require(row["symbol"] as? String)
        symbols.append(symbol)
        // The symbol has the whole name that the program's types have; bpftool looks for it only
        // where the kernel's own has 15 characters. Before 5.12 a program with subprograms had two
        // symbols there, its own and that of its first function, which has another tag, and without
        // types the name F (jit_subprogs() of kernel/bpf/verifier.c).
        let tagged = "bpf_prog_".count + 16
        let ofFunction = [String(program.symbol.dropFirst(tagged)), "_F"]
        #expect(
          symbol.hasPrefix(program.symbol)
            || guest.label == "x86-5.10" && ofFunction.contains(where: symbol.hasSuffix),
          "\(symbol)")
        #expect(row["module"] as? String == "bpf")
        #expect(row["offset"] as? Int == 1)
      }
      // The other way; programs of one tag and name share a symbol.
      let names = Set(symbols).sorted()
      let found = try documents(guest, names.map { "sym \($0)" })
      for (name, document) in zip(names, found) {
        let rows = try #require(document as? [[String: Any]])
        #expect(rows.allSatisfy { $0["symbol"] as? String == name })
        let own = zip(symbols, starts).filter { $0.0 == name }.map(\.1)
        #expect(Set(own).isSubset(of: rows.compactMap { UInt64(hex: $0["address"]) }))
      }
    }

    @Test(arguments: LiveGuest.withBpftool.filter { $0.label != "arm64-6.1" })
    func everySymbolOfTheKernelsListIsTheOneAtItsAddress(guest: LiveGuest) throws {
      let list = try #require(
        try documents(guest, ["print bpf_ksym bpf_kallsyms --list lnode start,end,name"])
          .first as? [[String: Any]])
      try #require(!list.isEmpty)
      let starts = try list.map { try #require(($0["start"] as? NSNumber)?.uint64Value) }
      let ends = try list.map { try #require(($0["end"] as? NSNumber)?.uint64Value) }
      let first = try symbols(guest, at: starts)
      let last = try symbols(guest, at: ends.map { $0 - 1 })
      for (index, ksym) in list.enumerated() {
        for row in [first[index], last[index]] {
          // Several symbols may be of one address.
          let names = list.filter { $0["start"] as? NSNumber == ksym["start"] as? NSNumber }
            .compactMap { $0["name"] as? String }
          #expect(names.contains(row["symbol"] as? String ?? ""))
          #expect(row["module"] as? String == "bpf")
        }
        #expect(first[index]["offset"] as? Int == 0)
      }
      let names = try documents(guest, ["sym 'bpf*'"]).first as? [[String: Any]] ?? []
      let found = names.filter { $0["module"] as? String == "bpf" }
      #expect(found.compactMap { UInt64(hex: $0["address"]) } == starts.sorted())
    }

    @Test(arguments: LiveGuest.withBpftool)
    func addressesInObjectsAndTranslationsHaveTheirSymbol(guest: LiveGuest) throws {
      let program = try #require(try guest.bpftool("prog").compactMap(Compiled.init).first)
      let shown = try Program(guest, ["print", "bpf_prog", "prog:\(program.id)"]).run()
      #expect(shown.status == 0, "\(shown.err)")
      let line = try #require(shown.out.split(separator: "\n").first { $0.contains("bpf_func = ") })
      #expect(line.hasSuffix("<\(program.symbol) [bpf]>"))
      let start = try #require(line.firstMatch(of: /0x[0-9a-f]+/)).output
      let place = try documents(guest, ["translate \(start)+4"]).first as? [String: Any]
      #expect(place?["symbol"] as? String == "\(program.symbol)+0x4 [bpf]")
      #expect(place?["executable"] as? Bool == true)
    }
  }
}
