import Foundation
import TestSupport
import Testing

extension LiveTests {
  /// What the program says of a guest against what the guest says of itself.
  @Suite struct TruthTests {
    /// The guest's own word of when it booted is too small by the time between two looks at its clocks: what
    /// was loaded just before a second is over may be of the next one.
    private func isJustAfter(
      _ our: NSObject?, _ their: NSObject?, _ truth: [String: Any], _ bootOffset: Int
    ) -> Bool {
      guard let our = our as? Int, let their = their as? Int,
        let time = truth["load_time_ns"] as? Int
      else { return false }
      return our == their + 1 && (bootOffset + time) % 1_000_000_000 > 999_900_000
    }

    /// With the guest's kernel file, and with nothing but the port.
    @Test(arguments: LiveGuest.resting, [true, false])
    func everyFieldOfEveryProgramEqualsTheGuestsWord(guest: LiveGuest, hasFile: Bool) throws {
      let truth = try guest.truth("prog")
      let kernel = try guest.truth("kernel").first
      let offset = try #require(kernel?["boot_offset_ns"] as? Int)
      let words = ["prog", "list", "-j"]
      let result = try (hasFile ? Program(guest, words) : Program(portOf: guest, words)).run()
      #expect(result.status == 0, "\(result.err)")
      let listed = try result.objects()
      #expect(!listed.isEmpty)
      #expect(listed.map { $0["id"] as? Int } == truth.map { $0["id"] as? Int })
      let keys = [
        "id", "type", "name", "tag", "gpl_compatible", "run_time_ns", "run_cnt",
        "recursion_misses", "verified_insns", "loaded_at", "uid", "bytes_xlated", "jited",
        "bytes_jited", "map_ids", "btf_id",
      ]
      // The system call knows nothing of these; bpftool knows the first two.
      let others = ["bytes_memlock", "orphaned", "struct_ops", "member", "attach"]
      for (ours, theirs) in zip(listed, truth) {
        #expect(Set(ours.keys) == Set(keys + others))
        for key in keys where key != "name" || !theirs.nameMayBeLonger {
          let (our, their) = (ours[key] as? NSObject, theirs[key] as? NSObject)
          let isSame = our == their || key == "loaded_at" && isJustAfter(our, their, theirs, offset)
          #expect(our != nil && isSame, "\(key) of program \(ours["id"] ?? 0)")
        }
      }
    }

    @Test(arguments: LiveGuest.resting)
    func everyFieldOfEveryMapEqualsTheGuestsWord(guest: LiveGuest) throws {
      let truth = try guest.truth("map")
      let result = try Program(guest, ["map", "list", "-j"]).run()
      #expect(result.status == 0, "\(result.err)")
      let listed = try result.objects()
      #expect(listed.map { $0["id"] as? Int } == truth.map { $0["id"] as? Int })
      // Without these the comparison would prove little.
      let types = Set(truth.compactMap { $0["type"] as? String })
      #expect(types.isSuperset(of: ["array", "percpu_hash", "prog_array", "struct_ops"]))
      #expect(truth.contains { $0["owner_prog_type"] as? String == "socket_filter" })
      #expect(truth.contains { $0["frozen"] as? Int == 1 })
      for (ours, theirs) in zip(listed, truth) {
        #expect(Set(ours.keys) == Set(theirs.keys).subtracting(["kind"]))
        for key in ours.keys {
          let (our, their) = (ours[key] as? NSObject, theirs[key] as? NSObject)
          #expect(our != nil && our == their, "\(key) of map \(ours["id"] ?? 0)")
        }
      }
    }

    /// A vmlinux that one has built oneself: uncompressed, symbols in `.symtab`.
    @Test func aVmlinuxIsAsGoodAsAVmlinuz() throws {
      let guest = LiveGuest("x86-6.1")
      var kernel = try KernelFile(guest)
      kernel.removeKallsyms()
      try kernel.addSymbolTable()
      let answer = try kernel.written { path in
        try Program(["-c", guest.target, "-k", path, "prog", "list", "-j"]).run()
      }
      #expect(answer.status == 0, "\(answer.err)")
      #expect(answer.out == (try Program(guest, ["prog", "list", "-j"]).run().out))
    }

    /// Its statics renamed, as clang's ThinLTO does it, and its BTF in a section of another name.
    @Test func aVmlinuxThatOtherToolsMade() throws {
      let guest = LiveGuest("x86-6.1")
      var kernel = try KernelFile(guest)
      kernel.removeKallsyms()
      kernel.renameSection(".BTF", to: ".kernel_types")
      let name = "prog_idr.llvm.13041973212388"
      try kernel.addSymbolTable(renaming: ["prog_idr": name])
      let lines = [
        "prog list", "sym prog_idr", "read prog_idr 24", "translate prog_idr", "print idr prog_idr",
      ].flatMap { ["-e", $0] }
      let answer = try kernel.written { path in
        try Program(["-c", guest.target, "-k", path, "-j"] + lines).run()
      }
      #expect(answer.status == 0, "\(answer.err)")
      #expect(answer.out.contains(name))
      // The section that is made up for all symbols is text.
      let plain = try Program(guest, ["-j"] + lines).run().out
      #expect(
        answer.out.replacing(name, with: "prog_idr").replacing(#""type":"T""#, with: #""type":"d""#)
          == plain)
    }

    @Test(arguments: [LiveGuest("x86-6.1"), LiveGuest("arm64-6.12")])
    func aUnifiedKernelImage(guest: LiveGuest) throws {
      let kernel = try Data(contentsOf: URL(fileURLWithPath: guest.kernel))
      let answer = try withFile(Data(peFile(".linux", Array(kernel)))) { path in
        try Program(["-c", guest.target, "-k", path, "prog", "list", "-j"]).run()
      }
      #expect(answer.status == 0, "\(answer.err)")
      #expect(answer.out == (try Program(guest, ["prog", "list", "-j"]).run().out))
    }

    @Test(arguments: LiveGuest.resting)
    func statisticsOfEveryCPUEqualTheGuestsWord(guest: LiveGuest) throws {
      let truth = try guest.truth("prog")
      let words = ["prog", "stats", "type", "all", "--per-cpu", "-j"]
      let listed = try Program(guest, words).run().objects()
      #expect(listed.count == truth.count)
      for (ours, theirs) in zip(listed, truth) {
        if !theirs.nameMayBeLonger {
          #expect(ours["name"] as? NSObject == theirs["name"] as? NSObject)
        }
        // A guest without data symbols (CONFIG_KALLSYMS_ALL=n) knows the sums only.
        if !(theirs["per_cpu"] is NSNull) {
          #expect(
            ours["per_cpu"] as? NSObject == theirs["per_cpu"] as? NSObject,
            "\(ours["name"] ?? "")")
        }
        #expect(ours["cnt"] as? NSObject == theirs["run_cnt"] as? NSObject)
        #expect(ours["nsecs"] as? NSObject == theirs["run_time_ns"] as? NSObject)
        #expect(ours["misses"] as? NSObject == theirs["recursion_misses"] as? NSObject)
      }
    }

    @Test(arguments: LiveGuest.resting)
    func structOpsProgramsAreTheDefault(guest: LiveGuest) throws {
      let truth = try guest.truth("prog").filter { $0["type"] as? String == "struct_ops" }
      #expect(truth.count >= 15)
      let verifier = try Program(guest, ["prog", "verifier", "-j"]).run().objects()
      #expect(verifier.map { $0["name"] as? String } == truth.map { $0["name"] as? String })
      for (ours, theirs) in zip(verifier, truth) {
        #expect(Set(ours.keys) == ["name", "verified_insns"])
        #expect(ours["verified_insns"] as? NSObject == theirs["verified_insns"] as? NSObject)
      }
      let stats = try Program(guest, ["prog", "stats", "-j"]).run().objects()
      #expect(stats.map { $0["name"] as? String } == truth.map { $0["name"] as? String })
      #expect(stats.allSatisfy { Set($0.keys) == ["name", "cnt", "nsecs", "misses"] })
      // A guest in which nothing ran would prove nothing.
      #expect(stats.contains { ($0["cnt"] as? Int ?? 0) > 0 })
    }

    @Test(arguments: LiveGuest.resting)
    func placesOfTheKernelEqualTheGuestsWord(guest: LiveGuest) throws {
      let kernel = try #require(try guest.truth("kernel").first)
      let symbols = try #require(kernel["symbols"] as? [String: String])
      let values = try #require(kernel["values"] as? [String: String])
      let result = try Program(guest, ["info", "-j"]).run()
      #expect(result.status == 0, "\(result.err)")
      let info = try #require(try result.json() as? [String: Any])
      #expect(info["release"] as? String == kernel["release"] as? String)
      #expect(info["bpf_stats_enabled"] as? Bool == true)
      #expect(info["banner"] as? String == kernel["banner"] as? String)
      if let count = kernel["nr_cpu_ids"] as? Int { #expect(info["nr_cpu_ids"] as? Int == count) }
      if let text = symbols["_text"] { #expect(info["text_base"] as? String == text) }
      for name in ["phys_base", "kimage_voffset", "memstart_addr"] {
        if let value = values[name] { #expect(info[name] as? String == value) }
      }
      if let value = values["page_offset_base"] { #expect(info["page_offset"] as? String == value) }
      let paging = try #require(info["paging"] as? String)
      guard kernel["machine"] as? String == "x86_64" else {
        #expect(paging.hasPrefix(guest.label.contains("16k") ? "arm64 16K" : "arm64 4K"))
        return
      }
      let flags = kernel["flags"] as? [String: Bool]
      #expect(paging == (flags?["la57"] == true ? "x86-64 5-level" : "x86-64 4-level"))
    }

    @Test(arguments: LiveGuest.resting)
    func theGuestRunsOnAfterEveryCommand(guest: LiveGuest) throws {
      for words in [["info"], ["prog", "list"], ["prog", "stats"], ["--hold", "prog", "list"]] {
        let result = try Program(guest, words).run()
        #expect(result.status == 0, "\(words): \(result.err)")
        #expect(try guest.qmp.status == "running", "\(words)")
      }
    }
  }
}

extension [String: Any] {
  /// The system call gives 15 characters of a program's name; what bpftool makes of such a one is
  /// compared with bpftool's own word.
  var nameMayBeLonger: Bool { (self["name"] as? String)?.utf8.count == 15 }
}
