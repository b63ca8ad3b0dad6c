"""How do I know that I have understood it?

One module per lesson holds its exercises and its quiz: `from kdlib.exercises import lesson_01 as
ex`, then `ex.kl.check(my_kl)`, `ex.kl.hint()`, `ex.kl.solution()`. `engine` says what an exercise
is, `judges` what is right and which mistake is which, `guard` how a learner's code is run, `quiz`
what a quiz is, and `progress` what was solved. Nothing is imported here: each lesson imports what
it needs.
"""
