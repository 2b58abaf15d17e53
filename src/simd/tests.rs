//! Every operation of every available instruction set against plain scalar code.

use super::*;

macro_rules! probe {
    ($name:ident, $isa:ident, $t:ident, |$s:ident| $body:block) => {{
        struct $name;
        impl Kernel<$t> for $name {
            type Output = ();
            #[inline(always)]
            unsafe fn run<$s: Simd<T = $t>>(self) {
                unsafe { $body }
            }
        }

        // SAFETY: only available instruction sets are named; all pointers come from local arrays of full length.
        unsafe { run_on($isa, $name) }
    }};
}

fn special(i: usize) -> f64 {
    [0.0, -0.0, 1.5, -2.5, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 1e-310, 3.5, 0.49999997, -0.5, 1e30][i % 12]
}

macro_rules! suite {
    ($module:ident, $t:ident) => {
        mod $module {
            use super::*;

            fn same(a: $t, b: $t) -> bool {
                a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan())
            }

            #[test]
            fn arithmetic_equals_scalar_code() {
                for isa in Isa::all_available() {
                    probe!(Arithmetic, isa, $t, |S| {
                        for shift in 0..12 {
                            let mut a = [0.0 as $t; 16];
                            let mut b = [0.0 as $t; 16];
                            for i in 0..16 {
                                a[i] = special(i) as $t;
                                b[i] = special(i + shift) as $t;
                            }
                            let (va, vb) = (S::load(a.as_ptr()), S::load(b.as_ptr()));
                            let mut out = [0.0 as $t; 16];
                            let mut check = |v: S::V, f: &dyn Fn($t, $t) -> $t, what: &str| {
                                S::store(out.as_mut_ptr(), v);
                                for i in 0..S::LANES {
                                    assert!(same(out[i], f(a[i], b[i])), "{what}({}, {}) = {}", a[i], b[i], out[i]);
                                }
                            };
                            check(S::add(va, vb), &|x, y| x + y, "add");
                            check(S::sub(va, vb), &|x, y| x - y, "sub");
                            check(S::mul(va, vb), &|x, y| x * y, "mul");
                            check(S::div(va, vb), &|x, y| x / y, "div");
                            check(S::max(va, vb), &|x, y| if x > y { x } else { y }, "max");
                            check(S::min(va, vb), &|x, y| if x < y { x } else { y }, "min");
                            check(S::abs(va), &|x, _| x.abs(), "abs");
                            check(S::copysign(va, vb), &|x, y| x.copysign(y), "copysign");
                            check(S::sqrt(va), &|x, _| x.sqrt(), "sqrt");
                            check(S::round(va), &|x, _| x.round_ties_even(), "round");
                            check(S::select(S::gt(va, vb), va, vb), &|x, y| if x > y { x } else { y }, "gt");
                            check(S::select(S::ge(va, vb), va, vb), &|x, y| if x >= y { x } else { y }, "ge");
                            check(
                                S::select(S::eq(va, vb), S::splat(7.0), vb),
                                &|x, y| if x == y { 7.0 } else { y },
                                "eq",
                            );
                            let either = S::or(S::is_nan(va), S::is_nan(vb));
                            check(
                                S::select(either, S::zero(), va),
                                &|x, y| if x.is_nan() || y.is_nan() { 0.0 } else { x },
                                "nan",
                            );
                            let bits = S::bits(S::gt(va, vb));
                            for i in 0..S::LANES {
                                assert_eq!(bits >> i & 1 == 1, a[i] > b[i]);
                            }
                        }
                    });
                }
            }

            #[test]
            fn fused_and_scaled() {
                for isa in Isa::all_available() {
                    probe!(Fused, isa, $t, |S| {
                        let mut out = [0.0 as $t; 16];
                        S::store(out.as_mut_ptr(), S::fma(S::splat(3.0), S::splat(5.0), S::splat(-1.0)));
                        assert_eq!(out[0], 14.0);
                        S::store(out.as_mut_ptr(), S::fnma(S::splat(3.0), S::splat(5.0), S::splat(-1.0)));
                        assert_eq!(out[S::LANES - 1], -16.0);
                        let least = $t::MIN_POSITIVE.log2() as i32 - ($t::MANTISSA_DIGITS as i32 - 1);
                        for n in [-3, 0, 5, least, least + 1, $t::MAX_EXP - 1] {
                            S::store(out.as_mut_ptr(), S::scale2(S::splat(1.0), S::splat(n as $t)));
                            assert_eq!(out[0], f64::from(n).exp2() as $t, "2^{n}");
                        }
                        for n in [$t::MIN_EXP - 1, -7, 0, 1, 23, $t::MAX_EXP - 1] {
                            let power = f64::from(n).exp2() as $t;
                            for a in [power, power * 1.5, power * (2.0 - $t::EPSILON)] {
                                S::store(out.as_mut_ptr(), S::exponent(S::splat(a)));
                                assert!(out[..S::LANES].iter().all(|&e| e == n as $t), "the exponent of {a}");
                            }
                        }
                    });
                }
            }

            #[test]
            fn partial_access_touches_nothing_else() {
                for isa in Isa::all_available() {
                    probe!(Partial, isa, $t, |S| {
                        for n in 0..S::LANES {
                            let source: Vec<$t> = (1..=n).map(|i| i as $t).collect();
                            let mut loaded = [9.0 as $t; 16];
                            S::store(loaded.as_mut_ptr(), S::load_partial(source.as_ptr(), n));
                            for i in 0..S::LANES {
                                assert_eq!(loaded[i], if i < n { (i + 1) as $t } else { 0.0 });
                            }
                            let mut target = [7.0 as $t; 17];
                            S::store_partial(target.as_mut_ptr(), n, S::splat(2.0));
                            for (i, x) in target.iter().enumerate() {
                                assert_eq!(*x, if i < n { 2.0 } else { 7.0 });
                            }
                        }
                    });
                }
            }

            #[test]
            fn interleaving_and_back() {
                for isa in Isa::all_available() {
                    probe!(Interleave, isa, $t, |S| {
                        let from: Vec<$t> = (0..2 * S::LANES).map(|i| i as $t).collect();
                        let mut to = vec![-1.0 as $t; 2 * S::LANES];
                        let (low, high) = (from.as_ptr(), from.as_ptr().add(S::LANES));
                        let (even, odd) = S::deinterleave(S::load(low), S::load(high));
                        S::store(to.as_mut_ptr(), even);
                        S::store(to.as_mut_ptr().add(S::LANES), odd);
                        for i in 0..S::LANES {
                            assert_eq!((to[i], to[S::LANES + i]), (from[2 * i], from[2 * i + 1]));
                        }
                        S::store(to.as_mut_ptr(), S::follow(S::load(low), S::load(high)));
                        assert_eq!(to[..S::LANES], from[1..=S::LANES]);
                        let (a, b) = S::interleave(even, odd);
                        S::store(to.as_mut_ptr(), a);
                        S::store(to.as_mut_ptr().add(S::LANES), b);
                        assert_eq!(to, from);
                    });
                }
            }

            #[test]
            fn thirds_and_back() {
                for isa in Isa::all_available() {
                    probe!(Thirds, isa, $t, |S| {
                        let from: Vec<$t> = (0..3 * S::LANES).map(|i| i as $t).collect();
                        let mut to = vec![-1.0 as $t; 3 * S::LANES];
                        let load = |i: usize| S::load(from.as_ptr().add(i * S::LANES));
                        let phases = S::deinterleave3([load(0), load(1), load(2)]);
                        for phase in 0..3 {
                            S::store(to.as_mut_ptr(), phases[phase]);
                            for i in 0..S::LANES {
                                assert_eq!(to[i], (3 * i + phase) as $t);
                            }
                        }
                        let joined = S::interleave3(phases);
                        for i in 0..3 {
                            S::store(to.as_mut_ptr().add(i * S::LANES), joined[i]);
                        }
                        assert_eq!(to, from);
                    });
                }
            }

            #[test]
            fn bytes_there_and_back() {
                for isa in Isa::all_available() {
                    probe!(Bytes, isa, $t, |S| {
                        let from: Vec<u8> = (0..=255).collect();
                        for start in (0..256).step_by(S::LANES) {
                            let v = S::load_bytes(from.as_ptr().add(start));
                            let mut values = [-1.0 as $t; 16];
                            S::store(values.as_mut_ptr(), v);
                            let mut bytes = [7u8; 17];
                            S::store_bytes(bytes.as_mut_ptr(), v);
                            for i in 0..S::LANES {
                                assert_eq!((values[i], bytes[i]), ((start + i) as $t, (start + i) as u8));
                            }
                            assert_eq!(bytes[S::LANES], 7);
                        }
                    });
                }
            }

            #[test]
            fn lanes_between_bounds() {
                for isa in Isa::all_available() {
                    probe!(Between, isa, $t, |S| {
                        for start in 0..=S::LANES {
                            for end in start..=S::LANES + 2 {
                                let source: Vec<$t> = (start..end.min(S::LANES)).map(|i| (i + 1) as $t).collect();
                                let from = source.as_ptr().wrapping_sub(start);
                                let mut loaded = [9.0 as $t; 16];
                                S::store(loaded.as_mut_ptr(), S::load_between(from, start, end));
                                for i in 0..S::LANES {
                                    let inside = (start..end).contains(&i);
                                    assert_eq!(loaded[i], if inside { (i + 1) as $t } else { 0.0 });
                                }
                            }
                        }
                    });
                }
            }

            #[test]
            fn transpose_and_sum() {
                for isa in Isa::all_available() {
                    probe!(Transpose, isa, $t, |S| {
                        let (ld_from, ld_to) = (S::LANES + 3, S::LANES + 1);
                        let from: Vec<$t> = (0..S::LANES * ld_from).map(|i| i as $t).collect();
                        let mut to = vec![-1.0 as $t; S::LANES * ld_to];
                        S::transpose(from.as_ptr(), ld_from, to.as_mut_ptr(), ld_to);
                        for i in 0..S::LANES {
                            for j in 0..S::LANES {
                                assert_eq!(to[j * ld_to + i], from[i * ld_from + j]);
                            }
                            assert_eq!(to[i * ld_to + S::LANES], -1.0);
                        }
                        let total: $t = from[..S::LANES].iter().sum();
                        assert_eq!(S::sum(S::load(from.as_ptr())), total);
                    });
                }
            }
        }
    };
}

suite!(single, f32);
suite!(double, f64);

#[test]
fn names_round_trip() {
    assert!(Isa::all_available().any(|isa| isa == Isa::Portable));
    assert!(Isa::all_available().all(|isa| isa.available() && !isa.name().is_empty()));
    assert!(isa().available());
}
