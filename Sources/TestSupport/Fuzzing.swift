import Foundation

/// How tests of damaged memory run: `GUESTSCOPE_FUZZ_ROUNDS` and `GUESTSCOPE_FUZZ_SEED` make a run
/// longer and repeat it.
public enum Fuzzing {
  private static let environment = ProcessInfo.processInfo.environment
  public static let rounds = environment["GUESTSCOPE_FUZZ_ROUNDS"].flatMap { Int($0) } ?? 150
  public static let seed =
    environment["GUESTSCOPE_FUZZ_SEED"].flatMap { UInt64($0) } ?? .random(in: 0 ... .max)
}
