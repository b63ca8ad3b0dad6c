"""How do the losses compare with what everyone else writes?

`losses` compares time, memory and error, `edges` what happens at zeros, masks and wrong shapes.
"""
