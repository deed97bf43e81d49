mod lb;
